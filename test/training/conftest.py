"""A tiny network and small files in the labelled NYU layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": [48, 64],
        "layers": 12,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost tiny networks more than they gain, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open_clip model config of a tower that trains in milliseconds."""
    path = tmp_path_factory.mktemp("architecture") / "tiny-clip.json"
    path.write_text(json.dumps(TINY_CLIP))
    return path


def _write_nyu(
    folder: Path,
    pictures: np.ndarray,
    raw: np.ndarray,
    scenes: Sequence[str],
    train: Sequence[int],
    test: Sequence[int],
) -> Path:
    """Write both files as the data set's authors did: reversed axes, references, 1-based splits.

    ``pictures`` is (M, H, W, 3) uint8, ``raw`` (M, H, W) float32; filled depth is raw + 0.25.
    """
    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = pictures.transpose(0, 3, 2, 1)
        file["rawDepths"] = raw.transpose(0, 2, 1)
        file["depths"] = raw.transpose(0, 2, 1) + np.float32(0.25)
        recordings = [f"{scene}_{number:04d}" for number, scene in enumerate(scenes)]
        for key, texts in (("sceneTypes", scenes), ("scenes", recordings)):
            references = file.create_dataset(key, (1, len(texts)), dtype=h5py.ref_dtype)
            for number, text in enumerate(texts):
                codes = np.array([[ord(letter)] for letter in text], dtype=np.uint16)
                target = file.create_dataset(f"#refs#/{key}{number}", data=codes)
                references[0, number] = target.ref
    splits = {
        "trainNdxs": np.array([train], np.uint16).T,
        "testNdxs": np.array([test], np.uint16).T,
    }
    savemat(folder / "splits.mat", splits)
    return folder


@pytest.fixture(scope="session")
def write_nyu() -> Callable[..., Path]:
    """The writer of the labelled NYU layout that the tests trust: ``_write_nyu``."""
    return _write_nyu


@pytest.fixture
def nyu(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of five 6x8 images with changes by keyword; returns its folder."""

    def write(**changes: Any) -> Path:
        rng = np.random.default_rng(0)
        content = {
            "pictures": rng.integers(0, 256, (5, 6, 8, 3), dtype=np.uint8),
            "raw": rng.uniform(1, 5, (5, 6, 8)).astype(np.float32),
            "scenes": ["office", "kitchen", "bedroom", "study", "cafe"],
            "train": [1, 3, 5],
            "test": [2, 4],
        }
        return _write_nyu(tmp_path, **{**content, **changes})

    return write
