"""The processes that read data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from training.errors import TrainingError, message_of

_MOST_READERS = 8
_FULL = "/dev/shm is too small; give it more, as docker run --shm-size=1g does"
_SHORTAGES = {
    "Too many open files": "raise the limit, as ulimit -n 4096 does",
    "file </torch_": _FULL,  # a file that PyTorch creates in it
    "shared memory": _FULL,  # a bus error
    "DataLoader worker (pid": "killed, as happens when memory runs out; free some",
}
"""What to do, by a part of PyTorch's message."""


def data_loader(
    dataset: Dataset, workers: int, device: torch.device | None = None, **options: Any
) -> DataLoader:
    """A DataLoader whose workers use only one thread.

    Args:
        dataset: what is read.
        workers: processes that read; 0 reads in this one.
        device: where the batches go; for a GPU they are made in page-locked memory.
        options: further ones of DataLoader.
    """
    return DataLoader(
        dataset,
        num_workers=workers,
        worker_init_fn=_use_one_thread,
        pin_memory=device is not None and device.type == "cuda",
        **options,
    )


@contextmanager
def shortages_explained() -> Iterator[None]:
    """Put around anything that reads with workers. The death of one is raised wherever this process
    happens to be, such as in a training step, not only while it waits for a batch.

    Raises:
        TrainingError: a worker is short of shared memory, memory or files.
    """
    try:
        yield
    except RuntimeError as error:
        said = message_of(error)
        causes = f"{said} {error.__cause__}"
        advice = next((text for what, text in _SHORTAGES.items() if what in causes), None)
        if advice is None:
            raise
        raise TrainingError(
            f"{said.partition('. ')[0].rstrip('.')}: {advice}; or let fewer processes read, or "
            "only this one (--workers 0; for the trainer, --data.num_workers 0)"
        ) from error


def readers(num_workers: int, processes: int) -> int:
    """Number of workers if nothing runs beside them: as many as there are cores for.

    Args:
        num_workers: at least this many; 0 stays 0.
        processes: number of processes that read at the same time on this machine.
    """
    return max(num_workers, one_a_core(processes)) if num_workers else 0


def one_a_core(processes: int = 1) -> int:
    """Workers for each of this many processes: one per core that they may run on, at most 8."""
    return min(_MOST_READERS, len(os.sched_getaffinity(0)) // processes)


def _use_one_thread(worker: int) -> None:
    """Limit a worker to one thread: there are already as many workers as cores."""
    torch.set_num_threads(1)
    # 0, not 1: 1 would wait for the parent's OpenCV threads, which a fork does not copy.
    cv2.setNumThreads(0)
