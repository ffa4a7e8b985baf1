"""A tower of the default's structure, small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path

from moa_depth_ros.network import NetworkConfig

INPUT_SIZE = (32, 48)


def tiny_architecture(folder: Path, name: str = "tiny-vit", **vision: object) -> str:
    """Write an open_clip model config with 12 blocks of width 32; return its path."""
    architecture = {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": list(INPUT_SIZE),
            "layers": 12,
            "width": 32,
            "head_width": 16,
            "patch_size": 8,
            **vision,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(architecture))
    return str(path)


def tiny_config(folder: Path, **values: object) -> NetworkConfig:
    """The paper's network on the tiny tower."""
    settings = {"pretrained": None, "input_size": INPUT_SIZE, "num_bins": 16, **values}
    return NetworkConfig(architecture=tiny_architecture(folder), **settings)
