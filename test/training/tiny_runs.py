"""Whole runs of the trainer on six tiny images, from the command line's arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",  # as many as the tests' own process has
    "GLOO_SOCKET_IFNAME": "lo",
}
TRAINER = [sys.executable, "-m", "training.train"]
TRAINED, VALIDATED = 6, 3


def write_pictures(folder: Path, write_nyu: Callable[..., Path]) -> Path:
    """A labelled file of noise; each image has more holes than the one before."""
    rng = np.random.default_rng(0)
    count = TRAINED + VALIDATED
    depth = rng.uniform(1, 5, (count, 6, 8)).astype(np.float32)
    holes = rng.random((count, 6, 8)) < np.linspace(0, 0.9, count)[:, None, None]
    folder.mkdir(parents=True, exist_ok=True)
    return write_nyu(
        folder,
        pictures=rng.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8),
        raw=np.where(holes, 0, depth),
        scenes=["office"] * count,
        train=range(1, TRAINED + 1),
        test=range(TRAINED + 1, count + 1),
    )


def arguments(data: Path, output: Path, tiny_clip: Path, **changes: object) -> list[str]:
    """Arguments for the trainer; ``changes`` have ``__`` for the dots of a key."""
    values = {
        "output": output,
        "data.root": data,
        "data.batch_size": 2,
        "data.num_workers": 0,
        "model.network.architecture": tiny_clip,
        "model.network.pretrained": "null",
        "model.network.input_size": "[48,64]",
        "model.network.num_bins": 7,
        "model.optimiser.lr": 1e-3,
        "model.crop": "none",
        "trainer.accelerator": "cpu",
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
        "trainer.log_every_n_steps": 1,
        "trainer.max_epochs": 1,
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    return [text for key, value in values.items() for text in (f"--{key}", str(value))]
