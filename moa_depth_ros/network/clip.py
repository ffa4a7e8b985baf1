"""The parts of CLIP that the network takes from open_clip."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import open_clip
import torch

# Not public in open_clip, but the only function that builds just an image tower: create_model would
# also build a text tower of 63 million parameters each time a robot starts.
from open_clip.model import _build_vision_tower
from open_clip.transformer import VisionTransformer
from torch import Tensor

from moa_depth_ros.network.config import NetworkConfig
from moa_depth_ros.network.scene_context import scene_context


@dataclasses.dataclass
class ClipParts:
    """What is kept of CLIP once the text tower has done its part.

    Attributes:
        visual: the image tower.
        context: (embedding width,) the scene context; empty for a network without one.
        architecture: open_clip's model configuration, from which the tower can be built again.
    """

    visual: VisionTransformer
    context: Tensor
    architecture: dict[str, Any]


def build_clip(config: NetworkConfig) -> ClipParts:
    """Build CLIP with its weights, compute the scene context, drop the text tower.

    Raises:
        ValueError: ``architecture`` is unknown, is not a plain ViT, or does not fit ``input_size``.
        RuntimeError: the pretrained weights can be neither found nor downloaded.
    """
    name = _register(config.architecture)
    architecture = open_clip.get_model_config(name)
    check_architecture(architecture, config)
    with quiet_open_clip():
        clip = open_clip.create_model(
            name, pretrained=config.pretrained, force_image_size=config.input_size
        )
    clip.eval()
    context = (
        scene_context(clip, open_clip.get_tokenizer(name))
        if config.scene_context
        else torch.empty(0)
    )
    return ClipParts(clip.visual, context, architecture)


@contextmanager
def quiet_open_clip() -> Iterator[None]:
    """Silence open_clip's messages about random weights, which are asked for by name, and about
    failures, which it also raises. Then restore logging.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.ERROR))
    try:
        yield
    finally:
        logging.disable(before)


def empty_clip(architecture: dict[str, Any], config: NetworkConfig) -> ClipParts:
    """The same parts without values, on the ``meta`` device, for weights that are loaded later.

    Raises:
        ValueError: as :func:`build_clip`.
    """
    check_architecture(architecture, config)
    vision = {**architecture["vision_cfg"], "image_size": config.input_size}
    width = architecture["embed_dim"]
    with torch.device("meta"):
        visual = _build_vision_tower(width, vision, architecture.get("quick_gelu", False))
        context = torch.empty(width if config.scene_context else 0)
        return ClipParts(visual, context, deepcopy(architecture))


def check_architecture(architecture: dict[str, Any], config: NetworkConfig) -> None:
    """Refuse towers whose blocks and tokens the network can't access one by one."""
    vision = open_clip.CLIPVisionCfg(**architecture["vision_cfg"])
    special = vision.timm_model_name or vision.attentional_pool or vision.final_ln_after_pool
    if special or not isinstance(vision.layers, int) or vision.pool_type != "tok":
        raise ValueError(
            f"architecture: expected a ViT of open_clip itself with a class token, "
            f"found {config.architecture!r}"
        )
    height, width = config.input_size
    if height % vision.patch_size or width % vision.patch_size:
        raise ValueError(
            f"input_size: expected multiples of the patch ({vision.patch_size}), "
            f"found {config.input_size}"
        )
    if max(config.moa_layers, default=0) >= vision.layers:
        raise ValueError(
            f"moa_layers: expected block numbers below {vision.layers}, found {config.moa_layers}"
        )
    if config.trainable_blocks != "all" and config.trainable_blocks > vision.layers:
        raise ValueError(
            f"trainable_blocks: expected at most {vision.layers}, or all, "
            f"found {config.trainable_blocks}"
        )


def _register(architecture: str) -> str:
    if not architecture.endswith(".json"):
        if open_clip.get_model_config(architecture) is None:
            raise ValueError(
                f"architecture: open_clip does not know {architecture!r}; see "
                "open_clip.list_models(), or give the path of a model-config JSON"
            )
        return architecture
    path = Path(architecture)
    if not path.is_file():
        path = Path(__file__).parents[2] / path  # in a checkout, wherever the command is run
    if not path.is_file():
        raise ValueError(f"architecture: no such file: {architecture}")
    open_clip.add_model_config(path)
    if open_clip.get_model_config(path.stem) is None:
        raise ValueError(
            f"architecture: {path} is not an open_clip model config "
            "(expected embed_dim, vision_cfg and text_cfg)"
        )
    return path.stem
