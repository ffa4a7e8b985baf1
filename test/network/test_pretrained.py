"""CLIP weights from a file, at another input size: like OpenAI's weights, with a stand-in."""

import logging

import open_clip
import pytest
import torch

from moa_depth_ros.network import MoADepthClip, NetworkConfig
from moa_depth_ros.network.clip import quiet_open_clip
from test.network.tiny import tiny_architecture


@pytest.fixture
def clip_file(tmp_path):
    """A complete CLIP, saved the way open_clip's users do; square, like published weights."""
    architecture = tiny_architecture(tmp_path, image_size=32)
    open_clip.add_model_config(architecture)
    clip = open_clip.create_model("tiny-vit", pretrained=None).eval()
    path = tmp_path / "clip.pt"
    torch.save(clip.state_dict(), path)
    return architecture, clip, path


def test_weights_and_context_come_from_the_file(clip_file):
    architecture, clip, path = clip_file
    network = MoADepthClip(NetworkConfig(architecture, str(path), (32, 32), num_bins=16))
    for name, expected in clip.visual.state_dict().items():
        assert torch.equal(network.tower.visual.state_dict()[name], expected), name
    from moa_depth_ros.network.scene_context import scene_context

    expected = scene_context(clip, open_clip.get_tokenizer("tiny-vit"))
    torch.testing.assert_close(network.context, expected)


def test_position_embeddings_are_interpolated_once_for_another_size(clip_file):
    architecture, clip, path = clip_file
    network = MoADepthClip(NetworkConfig(architecture, str(path), (48, 64), num_bins=16))
    found, original = network.tower.visual.positional_embedding, clip.visual.positional_embedding
    assert found.shape == (6 * 8 + 1, 32)
    assert torch.equal(found[0], original[0])
    assert network(torch.rand(1, 3, 48, 64)).logits.shape == (1, 16, 6, 8)


def test_a_missing_file_is_named(tmp_path, caplog):
    architecture = tiny_architecture(tmp_path)
    with pytest.raises(RuntimeError, match=r"nowhere\.pt"):
        MoADepthClip(NetworkConfig(architecture, "nowhere.pt", (32, 48)))
    assert not caplog.records  # once is enough


def test_the_log_is_quiet_while_open_clip_works_and_then_as_it_was(caplog, monkeypatch):
    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)
    with pytest.raises(RuntimeError), quiet_open_clip():
        logging.error("said by open_clip")
        raise RuntimeError
    assert not caplog.records
    assert logging.root.manager.disable == logging.INFO


def test_weights_of_another_architecture_are_refused(clip_file, tmp_path):
    _, _, path = clip_file
    other = tiny_architecture(tmp_path, "tiny-wide", width=64)
    with pytest.raises(RuntimeError, match="size mismatch"):
        MoADepthClip(NetworkConfig(other, str(path), (32, 48)))
