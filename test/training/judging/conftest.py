"""A small model, and one data set that it can be judged on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network
from test.training.judging.small_file import SIZE, TEST_INDICES


@pytest.fixture(scope="session")
def model(tmp_path_factory, tiny_clip) -> Path:
    """A model folder, untrained."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    network = MoADepthClip(NetworkConfig(str(tiny_clip), None, SIZE))
    save_network(network, folder, NYU_KINECT)
    return folder


@pytest.fixture(scope="session")
def nyu_file(tmp_path_factory, write_nyu) -> Path:
    """Folder of a labelled file; ``TEST_INDICES`` are its test split."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.8, 8, (5, *SIZE)).astype(np.float32)
    depth[:, :5, :5] = 0
    return write_nyu(
        tmp_path_factory.mktemp("nyu"),
        rng.integers(0, 256, (5, *SIZE, 3), dtype=np.uint8),
        depth,
        ["office", "kitchen", "bedroom", "kitchen", "cafe"],
        train=[1, 3],
        test=[index + 1 for index in TEST_INDICES],
    )
