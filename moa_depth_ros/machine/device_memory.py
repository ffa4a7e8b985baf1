"""What to do when a device runs out of memory."""

from __future__ import annotations

import contextlib

import torch

# torch.OutOfMemoryError is the same class; older releases know only this name.
OutOfMemoryError = torch.cuda.OutOfMemoryError

# Page-locked memory, graphs, cuBLAS, cuDNN and loaded kernels don't come from PyTorch's own
# allocator, and report errors of other classes. For the libraries' handles, which are created at
# first use, they say only that these are not initialised.
_TEXTS = (
    "out of memory",
    "can't allocate memory",  # of a CPU
    "alloc_failed",
    "allocation_failed",
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that memory ran out, the device's or
    page-locked memory. The error that ends a CUDA graph's capture only says that something
    failed."""
    if error is None:
        return False
    text = str(error).lower()
    says_so = isinstance(error, RuntimeError) and any(part in text for part in _TEXTS)
    followed_from = error.__cause__ or error.__context__
    return says_so or isinstance(error, OutOfMemoryError) or is_out_of_memory(followed_from)


def free_cached_memory() -> None:
    """Return PyTorch's cached memory to the device."""
    if not torch.cuda.is_initialized():
        return
    with contextlib.suppress(RuntimeError):  # a device that failed; its next user will say so
        torch.cuda.empty_cache()
