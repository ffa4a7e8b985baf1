"""The weights a run starts from: CLIP's, or those of a model folder."""

from __future__ import annotations

import os
import pickle
import socket
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from open_clip.constants import HF_SAFE_WEIGHTS_NAME
from open_clip.pretrained import get_pretrained_cfg
from safetensors import SafetensorError

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import MoADepthClip, ModelFolderError, NetworkConfig, load_network
from moa_depth_ros.network.clip import ClipParts, build_clip
from training.errors import TrainingError, WeightsError

# For files that are empty, text or something else; their messages don't help.
_NO_CHECKPOINT = (pickle.UnpicklingError, EOFError, LookupError, AttributeError, StopIteration)
NO_WEIGHTS = (RuntimeError, OSError, SafetensorError, *_NO_CHECKPOINT)
"""What open_clip raises if weights are missing, damaged or of another network."""

_CONNECT_SECONDS = 3.0
_REASON_LETTERS = 300
_FORMATS = (
    f"expected a file in open_clip's format, such as {HF_SAFE_WEIGHTS_NAME}; OpenAI's own .pt "
    "(TorchScript) and transformers' model.safetensors have other formats"
)


class MissingWeightsError(WeightsError):
    """Pretrained weights that are not on this machine, and can't be downloaded."""


def build_network(config: NetworkConfig) -> MoADepthClip:
    """The network with its pretrained weights, on the CPU.

    Raises:
        MissingWeightsError: they are not on this machine, and there is no internet.
        WeightsError: they are damaged, of another network, or none have this name.
        TrainingError: the configuration contradicts itself.
    """
    try:
        # A trainer on a GPU makes that the default device. open_clip's model would still be on the
        # CPU, but its tokens on the GPU.
        with torch.device("cpu"):
            return MoADepthClip(config, _clip(config))
    except ValueError as error:
        raise TrainingError(f"network: {error}") from error


def _clip(config: NetworkConfig) -> ClipParts:
    if config.pretrained is None:
        return build_clip(config)
    if config.pretrained.endswith((".npz", ".npy")):  # of a ViT that is not CLIP's
        raise WeightsError(
            f"no CLIP weights {config.pretrained!r} for {config.architecture!r}: {_FORMATS}"
        )
    try:
        with one_quick_attempt(config.pretrained):
            return build_clip(config)
    except NO_WEIGHTS as error:
        kind = MissingWeightsError if _is_out_of_reach(error) else WeightsError
        raise kind(_advice(config, error)) from error


def _is_out_of_reach(error: BaseException | None) -> bool:
    """Whether the hub's own error is the cause: open_clip raises others in its place."""
    return error is not None and (
        isinstance(error, LocalEntryNotFoundError) or _is_out_of_reach(error.__context__)
    )


def network_to_finetune(folder: str) -> tuple[MoADepthClip, Intrinsics]:
    """A model folder's network, with the same parts trainable as in its training, and its camera.

    Raises:
        WeightsError: the folder is missing, damaged or not a model folder.
    """
    try:
        network, camera = load_network(folder)
    except ModelFolderError as error:
        raise WeightsError(f"init_from: {error}") from error
    network.requires_grad_(True)
    network.tower.freeze_all_but(network.config.trainable_blocks)
    return network, camera


def missing_weights(architecture: str, pretrained: str, error: Exception) -> str:
    """One line: which weights are missing, where to find them, and what is wrong."""
    said = "found no checkpoint" if isinstance(error, _NO_CHECKPOINT) else str(error)
    reason = textwrap.shorten(" ".join(said.splitlines()[:2]), _REASON_LETTERS)
    asked = f"no CLIP weights {pretrained!r} for {architecture!r}"
    if os.path.isfile(pretrained):
        return f"{asked}: {reason} ({_FORMATS})"
    repository, file = os.path.split(get_pretrained_cfg(architecture, pretrained).get("hf_hub", ""))
    if repository:
        asked += f" ({file or HF_SAFE_WEIGHTS_NAME} of {repository} on the Hugging Face hub)"
    return f"{asked}: {reason}"


def _advice(config: NetworkConfig, error: Exception) -> str:
    assert config.pretrained is not None
    advice = missing_weights(config.architecture, config.pretrained, error)
    if get_pretrained_cfg(config.architecture, config.pretrained):  # a tag, not a file
        advice += (
            f"\n{_way_out(error)}\n"
            "or download that file on a connected machine, copy it here and name it:\n"
            "    python -m training.train --model.network.pretrained FILE\n"
            "    python -m training.tables TABLE --pretrained FILE"
        )
    return (
        f"{advice}\nTo train from random weights, name null instead; on rendered rooms:\n"
        "    python -m training.train --config config/training/demo.yaml"
    )


def _way_out(error: Exception) -> str:
    if _is_out_of_reach(error):
        return (
            "Either connect this machine to the internet once (the weights are then kept in the "
            "Hugging Face cache),"
        )
    return f"Either remove the damaged file from {constants.HF_HUB_CACHE} and try again,"


@contextmanager
def one_quick_attempt(pretrained: str | None) -> Iterator[None]:
    """Without internet, look only in the cache, at once, instead of retrying for a minute.

    Args:
        pretrained: tag of the weights, or a file, or None for random ones.
    """
    before = constants.HF_HUB_OFFLINE
    from_hub = pretrained is not None and not os.path.isfile(pretrained)
    constants.HF_HUB_OFFLINE = before or (from_hub and not _hub_in_reach())
    try:
        yield
    finally:
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
