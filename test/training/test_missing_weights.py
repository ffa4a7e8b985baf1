"""Pretrained weights that are missing, or are not weights."""

from __future__ import annotations

import json
import logging

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from moa_depth_ros.network import NetworkConfig
from training import weights
from training.errors import WeightsError
from training.module import DepthModule
from training.weights import build_network


def test_without_weights_it_says_what_to_get(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    config = DepthModule().network_config
    with pytest.raises(
        WeightsError, match=r"no CLIP weights 'openai' for 'ViT-B-32-quickgelu'"
    ) as caught:
        build_network(config)
    for said in (
        "(open_clip_model.safetensors of timm/vit_base_patch32_clip_224.openai on the Hugging",
        "--model.network.pretrained FILE",
        "training.tables TABLE --pretrained FILE",
    ):
        assert said in str(caught.value)


@pytest.mark.filterwarnings("ignore:'torch.load' received a zip file:UserWarning")
def test_weights_in_another_format_are_told_from_missing_ones(tmp_path, tiny_clip):
    """OpenAI's own, and those of the transformers library."""
    archive, renamed = tmp_path / "ViT-B-32.pt", tmp_path / "model.safetensors"
    torch.jit.script(torch.nn.Linear(2, 2)).save(archive)
    save_file({"vision_model.pre_layrnorm.bias": torch.zeros(2)}, renamed)
    for path, reason in ((archive, "TorchScript archives"), (renamed, "Missing key")):
        with pytest.raises(WeightsError, match=reason) as caught:
            build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))
        said = str(caught.value)
        assert "expected a file in open_clip's format, such as open_clip_model.safetensors" in said
        assert "internet" not in said


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
@pytest.mark.parametrize("content", ["", "hello\n", "# a note, no weights\n", "[1, 2]", "{}"])
def test_weights_that_are_no_checkpoint_are_named(tmp_path, tiny_clip, content, suffix):
    path = tmp_path / f"ViT-B-32{suffix}"
    if content[:1] in ("[", "{"):
        torch.save(json.loads(content), path)
    else:
        path.write_text(content)
    with pytest.raises(WeightsError, match="expected a file in open_clip's format") as caught:
        build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))
    assert str(caught.value).startswith(f"no CLIP weights {str(path)!r} for ")


def test_weights_that_are_no_download_ask_for_none(monkeypatch, tmp_path, tiny_clip):
    monkeypatch.setattr(weights, "_hub_in_reach", lambda: pytest.fail("asked"))
    build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="no CLIP weights"):
        build_network(NetworkConfig(str(tiny_clip), str(path), (48, 64)))


def test_what_was_not_logged_before_is_not_logged_after(monkeypatch, tiny_clip):
    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)
    build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    with pytest.raises(WeightsError):
        build_network(NetworkConfig(str(tiny_clip), "nowhere.pt", (48, 64)))
    assert logging.root.manager.disable == logging.INFO


def test_an_error_of_the_code_is_not_taken_for_missing_weights(monkeypatch, tiny_clip):
    def broken(config):
        raise RuntimeError("two devices")

    monkeypatch.setattr(weights, "build_clip", broken)
    with pytest.raises(RuntimeError, match="two devices") as caught:
        build_network(NetworkConfig(str(tiny_clip), None, (48, 64)))
    assert type(caught.value) is RuntimeError
