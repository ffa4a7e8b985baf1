"""The model folder: ``config.json`` and ``model.safetensors``; data that is never executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.network.clip import empty_clip
from moa_depth_ros.network.config import NetworkConfig
from moa_depth_ros.network.moa_depth_clip import MoADepthClip

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
FORMAT = "moa-depth-clip/1"
_SECTIONS = ("network", "open_clip", "training_camera")


class ModelFolderError(ValueError):
    """An unusable model folder; the message names the file, and what was expected and found."""


def save_network(
    network: MoADepthClip,
    folder: str | Path,
    training_camera: Intrinsics,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a folder with all that a robot needs: weights, scene context, configuration, camera.

    If it fails, the previous model stays. If the process is killed while the new files take their
    places, there is no configuration, but never one beside the weights of another model.

    Args:
        folder: created if it does not exist; a model in it is replaced.
        training_camera: the camera of the training images, at their original size.
        dtype: of the stored weights; float16 halves the file.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    weights = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    config = {
        "format": FORMAT,
        "network": network.config.to_dict(),
        "open_clip": network.architecture,
        "training_camera": training_camera.to_dict(),
    }
    with (
        whole_file(folder / CONFIG_NAME) as unfinished_config,
        whole_file(folder / WEIGHTS_NAME) as unfinished_weights,
    ):
        unfinished_config.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        unfinished_weights.write_bytes(save(weights))
        (folder / CONFIG_NAME).unlink(missing_ok=True)


def load_network(
    folder: str | Path, device: str | torch.device = "cpu"
) -> tuple[MoADepthClip, Intrinsics]:
    """Read a folder that :func:`save_network` wrote.

    Returns:
        The network in float32 and evaluation mode on ``device``, and its training camera.

    Raises:
        ModelFolderError: a file is missing or damaged, or the files do not fit together.
    """
    folder = Path(folder)
    path = folder / CONFIG_NAME
    sections = _read_config(path)
    try:
        config = NetworkConfig.from_dict(sections["network"])
        camera = Intrinsics(**sections["training_camera"])
        with torch.device("meta"):
            network = MoADepthClip(config, empty_clip(sections["open_clip"], config))
    except Exception as error:  # open_clip and PyTorch raise all kinds of errors for odd numbers
        raise ModelFolderError(f"{path}: {error or type(error).__name__}") from error
    weights = _read_weights(folder / WEIGHTS_NAME, network.state_dict())
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False).to(device), camera


def _read_config(path: Path) -> dict[str, Any]:
    if not path.parent.is_dir():
        raise ModelFolderError(f"{path.parent}: no such model folder")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path}: missing; a model folder contains it") from error
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path}: expected JSON, found: {error}") from error
    found = config.get("format") if isinstance(config, dict) else type(config).__name__
    if found != FORMAT:
        raise ModelFolderError(f"{path}: expected format {FORMAT!r}, found {found!r}")
    for section in _SECTIONS:
        if not isinstance(config.get(section), dict):
            raise ModelFolderError(
                f"{path}: expected a section {section!r}, found {config.get(section)!r}"
            )
    return config


def _read_weights(path: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path}: missing; a model folder contains it") from error
    except (OSError, SafetensorError) as error:
        raise ModelFolderError(
            f"{path}: expected a safetensors file, found a damaged or truncated one: {error}"
        ) from error
    missing, unexpected = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
    if missing or unexpected:
        raise ModelFolderError(
            f"{path}: expected the {len(expected)} tensors of {CONFIG_NAME}'s network, "
            f"found {len(weights)}; missing {missing[:3]}, unexpected {unexpected[:3]}"
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise ModelFolderError(
                f"{path}: {name}: expected shape {tuple(expected[name].shape)}, "
                f"found {tuple(tensor.shape)}"
            )
        if not tensor.isfinite().all():
            raise ModelFolderError(
                f"{path}: {name}: expected finite numbers, found NaN or infinity"
            )
    # A copy, because tensors in a safetensors file are not aligned the way matrix products want it.
    return {name: tensor.to(torch.float32, copy=True) for name, tensor in weights.items()}
