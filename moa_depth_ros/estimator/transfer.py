"""Copies between host and device, through page-locked memory if the device is CUDA.

Only with page-locked memory does the device copy asynchronously and at full speed. PyTorch keeps
freed blocks of it for the next image, and hands one out again only after the copies that use it are
done.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """A contiguous copy on the device of a uint8 or bool array of any strides, even a read-only
    one."""
    dtype = torch.bool if array.dtype == bool else torch.uint8
    staging = torch.empty(array.shape, dtype=dtype, pin_memory=device.type == "cuda")
    np.copyto(staging.numpy(), array)
    return staging.to(device, non_blocking=True)


def to_host(tensor: Tensor) -> np.ndarray:
    """The values of a tensor, contiguous; a contiguous CPU tensor is not copied."""
    if not tensor.is_cuda:
        return tensor.contiguous().cpu().numpy()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    wait_for(tensor)
    return host.numpy()


def wait_for(tensor: Tensor) -> None:
    """Return once the tensor's values are there: CUDA calls return with the work only queued."""
    if tensor.is_cuda:
        torch.cuda.current_stream(tensor.device).synchronize()
