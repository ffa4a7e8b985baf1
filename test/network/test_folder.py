"""Saving and loading a model folder, and all the ways in which one can be wrong."""

import dataclasses
import json
import os
import pickle

import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, ModelFolderError, load_network, save_network
from moa_depth_ros.network import folder as model_folder
from test.network.tiny import INPUT_SIZE, tiny_config


@pytest.fixture
def folder(network, tmp_path):
    save_network(network, tmp_path / "model", NYU_KINECT)
    return tmp_path / "model"


def test_round_trip(network, folder):
    loaded, camera = load_network(folder)
    pictures = torch.rand(2, 3, *INPUT_SIZE)
    with torch.inference_mode():
        expected, found = (n.decode(n(pictures)) for n in (network, loaded))
    assert torch.equal(found.depth, expected.depth)
    assert torch.equal(found.uncertainty, expected.uncertainty)
    assert torch.equal(loaded.context, network.context)
    assert camera == NYU_KINECT
    assert loaded.config == network.config
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_half_precision_folder_is_half_the_size(network, folder, tmp_path):
    save_network(network, tmp_path / "half", NYU_KINECT, torch.float16)
    full, half = (f / "model.safetensors" for f in (folder, tmp_path / "half"))
    assert half.stat().st_size < 0.6 * full.stat().st_size
    loaded, _ = load_network(tmp_path / "half")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_saving_again_replaces(network, folder):
    with torch.no_grad():
        network.regression.linear.bias += 1
    save_network(network, folder, NYU_KINECT)
    assert torch.equal(
        load_network(folder)[0].regression.linear.bias, network.regression.linear.bias
    )


def test_loading_needs_neither_the_architecture_file_nor_the_text_tower(
    folder, tmp_path, monkeypatch
):
    import open_clip

    (tmp_path / "tiny-vit.json").unlink()
    monkeypatch.setattr(open_clip, "create_model", None)
    monkeypatch.setattr(open_clip, "get_tokenizer", None)
    load_network(folder)


def edit(folder, section, **values):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[section] |= values
    path.write_text(json.dumps(config))


def refused(folder):
    with pytest.raises(ModelFolderError) as error:
        load_network(folder)
    return str(error.value)


def test_missing_folder(tmp_path):
    assert "nowhere: no such model folder" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    assert f"{name}: missing" in refused(folder)


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.999])
def test_truncated_weights(folder, keep):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data) if isinstance(keep, float) else keep)])
    assert "model.safetensors: expected a safetensors file" in refused(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(network, folder, value):
    network.state_dict()["regression.linear.bias"].fill_(value)
    save_network(network, folder, NYU_KINECT)
    assert "safetensors: regression.linear.bias: expected finite numbers" in refused(folder)


def test_a_pickle_is_never_opened(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    (folder / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    assert "model.safetensors" in refused(folder)
    assert not (tmp_path / "executed").exists()


def test_broken_json(folder):
    (folder / "config.json").write_text('{"format": ')
    assert "config.json: expected JSON" in refused(folder)


@pytest.mark.parametrize(
    ("section", "values"),
    [("network", {"head_width": 0}), ("open_clip", {"vision_cfg": {"patch_size": 0}})],
)
def test_numbers_that_make_no_network(folder, section, values):
    edit(folder, section, **values)
    assert "config.json: " in refused(folder)


def test_another_format(folder):
    (folder / "config.json").write_text('{"model_type": "dpt"}')
    assert "expected format 'moa-depth-clip/1', found None" in refused(folder)


def test_unknown_key(folder):
    edit(folder, "network", num_heads=3)
    message = refused(folder)
    assert "unknown keys ['num_heads']" in message and "num_bins" in message


def test_wrong_type(folder):
    edit(folder, "network", num_bins="many")
    assert "config.json" in refused(folder)


def test_weights_of_another_shape(folder):
    edit(folder, "network", num_bins=32)
    message = refused(folder)
    assert "classification.linear.bias: expected shape (32,), found (16,)" in message


def test_weights_of_another_layout(folder):
    edit(folder, "network", moa_layers=[2, 5])
    message = refused(folder)
    assert "unexpected" in message and "tower.moa.11" in message


def test_impossible_camera(folder):
    edit(folder, "training_camera", fx=0.0)
    assert "config.json: camera: expected positive focal lengths" in refused(folder)


@pytest.mark.parametrize("failing", ["config.json", "model.safetensors"])
def test_a_disk_that_is_full_leaves_the_model_that_was_there(
    network, tmp_path, monkeypatch, failing
):
    save_network(network, tmp_path / "model", NYU_KINECT)
    another = MoADepthClip(dataclasses.replace(network.config, max_depth=5.0))
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}

    def fill_up(path, content, *arguments, **options):
        with path.open("wb" if isinstance(content, bytes) else "w") as file:
            file.write(content[:10])
        if failing in path.name:
            raise OSError("No space left on device")

    for name in ("write_bytes", "write_text"):
        monkeypatch.setattr(model_folder.Path, name, fill_up)
    with pytest.raises(OSError, match="No space"):
        save_network(another, tmp_path / "model", NYU_KINECT)
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == files


def test_a_kill_between_the_files_leaves_no_mixture(network, tmp_path, monkeypatch):
    save_network(network, tmp_path / "model", NYU_KINECT)
    another = MoADepthClip(dataclasses.replace(network.config, max_depth=5.0))
    replace = os.replace

    def killed_after_the_weights(source, target):
        if target.name == "config.json":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed_after_the_weights)
    with pytest.raises(KeyboardInterrupt):
        save_network(another, tmp_path / "model", NYU_KINECT)
    assert "config.json: missing" in refused(tmp_path / "model")


def test_quick_gelu_survives_the_folder(tmp_path):
    config = tiny_config(tmp_path)
    path = tmp_path / "tiny-vit.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "quick_gelu": True}))
    network = MoADepthClip(config).eval()
    save_network(network, tmp_path / "model", NYU_KINECT)
    pictures = torch.rand(1, 3, *INPUT_SIZE)
    found, expected = load_network(tmp_path / "model")[0](pictures), network(pictures)
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("section", ["network", "open_clip", "training_camera"])
def test_a_section_that_is_missing_is_named(folder, section):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config[section]
    path.write_text(json.dumps(config))
    assert f"config.json: expected a section '{section}', found None" in refused(folder)
