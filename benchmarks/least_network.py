"""A network with next to no work, which shows what the node itself costs."""

from __future__ import annotations

import json
from pathlib import Path

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network

INPUT_SIZE = (32, 32)


def save_least_network(folder: Path) -> Path:
    """Save a model folder in ``folder``: one block, one adapter, one cell, two bins, random
    weights."""
    vision = {"image_size": INPUT_SIZE, "patch_size": 32, "layers": 1, "width": 16, "head_width": 8}
    text = {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
    architecture = folder / "least.json"
    architecture.write_text(json.dumps({"embed_dim": 8, "vision_cfg": vision, "text_cfg": text}))
    config = NetworkConfig(
        architecture=str(architecture),
        pretrained=None,
        input_size=INPUT_SIZE,
        moa_layers=(0,),
        num_experts=1,
        trainable_blocks=1,
        num_bins=2,
    )
    save_network(MoADepthClip(config), folder / "least", NYU_KINECT)
    return folder / "least"
