"""What is done where a device's memory runs out."""

from __future__ import annotations

import contextlib

import torch

# torch.OutOfMemoryError is the same class; older releases know this name only.
OutOfMemoryError = torch.cuda.OutOfMemoryError

# Page-locked memory, graphs, cuBLAS, cuDNN and kernels that are loaded don't come from PyTorch's
# own allocator and report with errors of other classes. The libraries' handles, which are made at
# their first use, say no more than that they were not.
_TEXTS = (
    "out of memory",
    "can't allocate memory",  # of a CPU
    "alloc_failed",
    "allocation_failed",
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it followed from, says that memory ran out, the device's or
    page-locked memory. What ends a CUDA graph's capture says only that something went wrong."""
    if error is None:
        return False
    text = str(error).lower()
    says_so = isinstance(error, RuntimeError) and any(part in text for part in _TEXTS)
    followed_from = error.__cause__ or error.__context__
    return says_so or isinstance(error, OutOfMemoryError) or is_out_of_memory(followed_from)


def free_cached_memory() -> None:
    """Give back what PyTorch keeps on the device for later."""
    if not torch.cuda.is_initialized():
        return
    with contextlib.suppress(RuntimeError):  # a device that failed; whoever uses it next says so
        torch.cuda.empty_cache()
