"""Threads that compute on a CPU that has other work to do, too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

import cv2
import torch

Value = TypeVar("Value")


def leave_a_core() -> None:
    """Let PyTorch and OpenCV compute on all cores but one, unless ``OMP_NUM_THREADS`` is set.

    The threads wait for each other at every operation. If DDS or another program takes the core of
    one of them, all of them wait until it is back: now and then, an image takes ten times as long.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))
    cv2.setNumThreads(torch.get_num_threads())  # it ignores OMP_NUM_THREADS


def run_in_passing_thread(function: Callable[[], Value]) -> Value:
    """Run the function in a thread that ends with it, and return its value or raise its error.

    Each thread that computes keeps OpenMP's helper threads for as long as it lives. Once all of
    them together outnumber the cores, they sleep instead of spinning when they wait for each other,
    and a network takes twice as long. So a thread that computes only now and then must not keep
    any.

    A signal that ends the program need not wait for the function: the thread is a daemon.
    """
    values: list[Value] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            values.append(function())
        except BaseException as error:
            errors.append(error)

    passing = threading.Thread(target=run, name="passing", daemon=True)
    passing.start()
    passing.join()
    if errors:
        raise errors.pop()  # not kept: its traceback holds everything made so far
    return values.pop()
