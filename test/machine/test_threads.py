"""How many threads PyTorch computes with, and where."""

import os
import subprocess
import sys
import threading

import pytest

from moa_depth_ros.machine.threads import run_in_passing_thread

COUNTS = """
import cv2, torch
from moa_depth_ros.machine.threads import leave_a_core, run_in_passing_thread
before = torch.get_num_threads()
leave_a_core()
there = run_in_passing_thread(torch.get_num_threads)
print(before, torch.get_num_threads(), there, cv2.getNumThreads())
"""


def counts(**environment: str) -> list[int]:
    """PyTorch's threads before and after leaving a core, here and in another thread; OpenCV's."""
    settings = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    inherited = {k: v for k, v in os.environ.items() if k not in settings}
    command = [sys.executable, "-c", COUNTS]
    output = subprocess.check_output(command, env={**inherited, **environment}, text=True)
    return [int(word) for word in output.split()]


def test_one_core_is_left_in_every_thread():
    before, *after = counts()
    assert after == [max(1, before - 1)] * 3


def test_the_user_may_say_how_many():
    cores = counts()[0]
    assert counts(OMP_NUM_THREADS=str(cores)) == [cores] * 4


def test_a_passing_thread_ends_and_gives_what_came():
    assert run_in_passing_thread(threading.current_thread) not in threading.enumerate()
    with pytest.raises(KeyError, match="what"):
        run_in_passing_thread(lambda: {}["what"])
