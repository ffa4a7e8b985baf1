"""How the processes that read data start."""

from __future__ import annotations

import cv2
import torch


def use_one_thread(worker: int) -> None:
    """Keep a worker to one thread: there are as many workers as cores already."""
    torch.set_num_threads(1)
    # 0, not 1: that would wait for OpenCV's threads of the parent, which a fork does not copy.
    cv2.setNumThreads(0)
