"""What the tests of the tables share."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.layouts import open_splits
from training.rooms import sample_frame
from training.tables.setting import CONFIGS, Setting


@pytest.fixture(scope="session")
def setting(tmp_path_factory, write_nyu, tiny_clip) -> Setting:
    """Eight small rooms and a tower that trains in milliseconds."""
    folder = tmp_path_factory.mktemp("tables")
    frames = [sample_frame(3, index, NYU_KINECT.resized(64, 48)) for index in range(8)]
    data = write_nyu(
        folder,
        np.stack([frame.picture for frame in frames]),
        np.stack([frame.depth for frame in frames]),
        [frame.scene_type for frame in frames],
        train=range(1, 6),
        test=range(6, 9),
    )
    network = {"architecture": str(tiny_clip), "pretrained": None, "input_size": [48, 64]}
    trainer = {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False}
    changes = {
        "model": {"network": network, "optimiser": {"lr": 1e-3}},
        "data": {"init_args": {"num_workers": 0}},
        "trainer": trainer,
    }
    tiny = folder / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(changes))
    configs = CONFIGS / "paper.yaml", tiny
    return Setting(data, open_splits(data), configs, None, (96, 128), "on eight rooms")
