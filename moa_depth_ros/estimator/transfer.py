"""Copies between the host and the device, through page-locked memory where the device is CUDA.

Only from and to page-locked memory does the device copy by itself and at full speed. PyTorch keeps
freed blocks of it for the next picture, and gives one out again only after the copies that use it
are done.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """A contiguous copy of a uint8 or bool array of any strides, also a read-only one, on the
    device."""
    dtype = torch.bool if array.dtype == bool else torch.uint8
    staging = torch.empty(array.shape, dtype=dtype, pin_memory=device.type == "cuda")
    np.copyto(staging.numpy(), array)
    return staging.to(device, non_blocking=True)


def to_host(tensor: Tensor) -> np.ndarray:
    """The values of a tensor, contiguous; those of a contiguous CPU tensor are not copied."""
    if not tensor.is_cuda:
        return tensor.contiguous().cpu().numpy()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    wait_for(tensor)
    return host.numpy()


def wait_for(tensor: Tensor) -> None:
    """Return once the tensor's values are there: work on CUDA is queued, not done, on return."""
    if tensor.is_cuda:
        torch.cuda.current_stream(tensor.device).synchronize()
