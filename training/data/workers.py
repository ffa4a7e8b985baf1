"""How the processes that read data start."""

from __future__ import annotations

import os

import cv2
import torch

_MOST_READERS = 8


def readers(num_workers: int, processes: int) -> int:
    """Workers of a reading that nothing else runs beside: as many as there are cores for.

    Args:
        num_workers: at least that many; 0 stays 0.
        processes: that read at the same time on this machine.
    """
    cores = len(os.sched_getaffinity(0)) // processes
    return max(num_workers, min(_MOST_READERS, cores)) if num_workers else 0


def use_one_thread(worker: int) -> None:
    """Keep a worker to one thread: there are as many workers as cores already."""
    torch.set_num_threads(1)
    # 0, not 1: that would wait for OpenCV's threads of the parent, which a fork does not copy.
    cv2.setNumThreads(0)
