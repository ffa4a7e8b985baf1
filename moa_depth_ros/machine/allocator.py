"""Lets the C library reuse large blocks of memory."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_TOP_PAD = 64 * 2**20


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks for the next tensor instead of returning them.

    By default, each tensor of several megabytes is mapped anew, and the kernel clears its pages at
    first touch, which takes a large part of a training step on a CPU. In exchange, the process
    keeps its peak memory. Without glibc, nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
        mallopt(_M_TOP_PAD, _TOP_PAD)
