"""The weights a run starts from: CLIP's, or those of a model folder."""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants
from safetensors import SafetensorError

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import MoADepthClip, ModelFolderError, NetworkConfig, load_network
from moa_depth_ros.network.clip import ClipParts, build_clip
from training.errors import TrainingError, WeightsError

NO_WEIGHTS = (RuntimeError, OSError, pickle.UnpicklingError, SafetensorError)
"""What open_clip raises where weights are missing, damaged or of another network."""

_CONNECT_SECONDS = 3.0


def build_network(config: NetworkConfig) -> MoADepthClip:
    """The network with its pretrained weights, on the CPU.

    Raises:
        WeightsError: they can be neither found nor downloaded.
        TrainingError: the configuration contradicts itself.
    """
    try:
        # A trainer on a GPU makes that the default device. open_clip's model would be on the CPU
        # all the same, and its tokens on the GPU.
        with torch.device("cpu"):
            return MoADepthClip(config, _clip(config))
    except ValueError as error:
        raise TrainingError(f"network: {error}") from error


def _clip(config: NetworkConfig) -> ClipParts:
    if config.pretrained is None:
        return build_clip(config)
    try:
        with one_quick_attempt(config.pretrained):
            return build_clip(config)
    except NO_WEIGHTS as error:
        raise WeightsError(_advice(config, error)) from error


def network_to_finetune(folder: str) -> tuple[MoADepthClip, Intrinsics]:
    """A model folder's network, with the same parts learning as in its training, and its camera.

    Raises:
        WeightsError: the folder is missing, damaged or not one.
    """
    try:
        network, camera = load_network(folder)
    except ModelFolderError as error:
        raise WeightsError(f"init_from: {error}") from error
    network.requires_grad_(True)
    network.tower.freeze_all_but(network.config.trainable_blocks)
    return network, camera


def _advice(config: NetworkConfig, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    return (
        f"no CLIP weights {config.pretrained!r} for {config.architecture!r}: {reason}\n"
        "Either connect this machine to the internet once (they are kept in the Hugging Face "
        "cache),\nor copy the weights file here from a machine that has it and name it:\n"
        "    python -m training.train --model.network.pretrained /path/to/weights.safetensors\n"
        "To train from random weights, name none instead; on rendered rooms:\n"
        "    python -m training.train --config config/training/demo.yaml"
    )


@contextmanager
def one_quick_attempt(pretrained: str | None) -> Iterator[None]:
    """Without internet look into the cache only, at once, instead of retrying for a minute.

    Args:
        pretrained: tag of the weights, or a file, or None for random ones.
    """
    before = constants.HF_HUB_OFFLINE
    from_hub = pretrained is not None and not os.path.isfile(pretrained)
    constants.HF_HUB_OFFLINE = before or (from_hub and not _hub_in_reach())
    # open_clip logs every failure that it raises, too; once is enough.
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        constants.HF_HUB_OFFLINE = before


def _hub_in_reach() -> bool:
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return True
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
