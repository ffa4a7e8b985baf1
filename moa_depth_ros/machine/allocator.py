"""Reuse of large blocks of memory by the C library."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_TOP_PAD = 64 * 2**20


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks for the next tensor instead of giving them back.

    By default each tensor of some megabytes is mapped anew and its pages are cleared by the kernel
    at first touch, which takes a large part of a training step on a CPU. The process keeps its
    peak of memory instead. Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
        mallopt(_M_TOP_PAD, _TOP_PAD)
