"""Finetuning a model folder on a recording of your own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, load_network, save_network
from test.training.layouts import write_recording
from training import train
from training.augmentation import Augmentation
from training.callbacks.panels import predict_rows
from training.errors import TrainingError, WeightsError
from training.metrics import METRICS, metrics_of, pixel_sums
from training.module import DepthModule
from training.resizing import prepare_depth, prepare_pictures, resize_depth
from training.rooms.dataset import RoomsDataset

CONFIG = Path(__file__).parents[2] / "config" / "training" / "finetune.yaml"


def learning(network: MoADepthClip) -> set[str]:
    return {name for name, value in network.named_parameters() if value.requires_grad}


def model_folder(folder: Path, tiny_clip: Path, **changes: object) -> MoADepthClip:
    network = MoADepthClip(NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7, **changes))
    save_network(network, folder, NYU_KINECT)
    return network


@pytest.mark.parametrize("trainable_blocks", [4, 0, "all"])
def test_the_same_parts_learn_as_in_the_first_training(tmp_path, tiny_clip, trainable_blocks):
    network = model_folder(tmp_path, tiny_clip, trainable_blocks=trainable_blocks)
    module = DepthModule(init_from=str(tmp_path))
    assert learning(module.network) == learning(network)
    assert module.network_config == network.config
    assert module.network.training


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(WeightsError, match=r"init_from: .*nowhere: no such model folder"):
        DepthModule(init_from=str(tmp_path / "nowhere"))


def test_a_network_beside_a_model_folder_is_refused(tmp_path, tiny_clip):
    network = model_folder(tmp_path, tiny_clip)
    DepthModule(network.config, init_from=str(tmp_path))
    with pytest.raises(TrainingError, match=r"network: expected nothing, because init_from"):
        DepthModule(NetworkConfig(num_bins=8), init_from=str(tmp_path))


@pytest.fixture
def through_a_longer_lens(tmp_path, tiny_clip):
    """A model of NYU's camera, about to learn from images of a lens twice as long."""
    model_folder(tmp_path, tiny_clip)
    still = Augmentation(flip=0.0)
    module = DepthModule(init_from=str(tmp_path), augmentation=still, crop="none")
    module.camera = dataclasses.replace(NYU_KINECT, fx=2 * NYU_KINECT.fx, fy=2 * NYU_KINECT.fy)
    return module


def test_a_model_learns_another_lens_in_the_metres_of_its_own(through_a_longer_lens):
    depth = torch.rand(2, 96, 128) + 1
    batch = {
        "picture": torch.zeros(2, 3, 96, 128, dtype=torch.uint8),
        "depth": depth,
        "index": torch.arange(2),
    }
    _, label = through_a_longer_lens.training_inputs(batch)
    torch.testing.assert_close(label, prepare_depth(depth, (48, 64)) / 2)
    assert through_a_longer_lens.network_camera == NYU_KINECT


def test_what_it_says_of_another_lens_is_judged_and_shown_as_the_node_gives_it(
    through_a_longer_lens,
):
    module = through_a_longer_lens.eval()
    sample = {
        "picture": torch.randint(0, 256, (3, 96, 128), dtype=torch.uint8),
        "depth": torch.rand(96, 128) + 1,
        "index": 0,
    }
    (row,) = predict_rows(module, [sample])
    inputs = prepare_pictures(sample["picture"].unsqueeze(0), (48, 64))
    with torch.no_grad():
        own = module.network.decode(module.network(inputs))
        module.validation_step(default_collate([sample]), 0)
    shown = {"binned": own.binned, "regressed": own.regressed, "fused": own.depth}
    for name, values in {**shown, "uncertainty": own.uncertainty}.items():
        np.testing.assert_allclose(getattr(row, name), 2 * values[0].numpy(), rtol=1e-5)
    expected = metrics_of(
        pixel_sums(resize_depth(2 * own.depth, (96, 128)), sample["depth"].unsqueeze(0), "none")
    )[0]
    found = module.metrics["fused"].compute().per_image
    assert found["rmse"] == pytest.approx(expected[list(METRICS).index("rmse")].item(), rel=1e-5)


def test_the_documented_command(tmp_path, tiny_clip, capsys):
    """Trains, keeps what is frozen, resumes after a stop, and keeps the camera of its scale."""
    start = model_folder(tmp_path / "model", tiny_clip)
    write_recording(tmp_path / "recording", 5)
    command = {
        "config": CONFIG,
        "model.init_from": tmp_path / "model",
        "data.root": tmp_path / "recording",
        "output": tmp_path / "run",
        "held_out": 0.2,
        "model.optimiser.lr": 1e-2,
        "data.batch_size": 2,
        "data.num_workers": 0,
        "trainer.max_epochs": 1,
        "trainer.accelerator": "cpu",
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
        "trainer.log_every_n_steps": 1,
    }
    arguments = [text for key, value in command.items() for text in (f"--{key}", str(value))]
    assert train.main(arguments) == 0
    tuned, camera = load_network(tmp_path / "run" / "model")
    assert camera == NYU_KINECT
    assert tuned.config == start.config
    before, after = start.state_dict(), tuned.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert changed <= learning(start)
    assert load_network(tmp_path / "run" / "best")[1] == NYU_KINECT
    assert train.main([*arguments, "--ckpt_path", "last", "--trainer.max_epochs", "2"]) == 0
    again, _ = load_network(tmp_path / "run" / "model")
    assert any(not torch.equal(after[name], again.state_dict()[name]) for name in changed)


def test_rooms_are_rendered_at_the_model_folders_input_size(tmp_path, tiny_clip, monkeypatch):
    model_folder(tmp_path / "model", tiny_clip)
    rendered = Mock(wraps=RoomsDataset)
    monkeypatch.setattr("training.rooms.data_module.RoomsDataset", rendered)
    command = {
        "model.init_from": tmp_path / "model",
        "data": "training.rooms.data_module.RoomsDataModule",
        "data.num_workers": 0,
        "output": tmp_path / "run",
        "trainer.fast_dev_run": "true",
        "trainer.accelerator": "cpu",
    }
    arguments = [text for key, value in command.items() for text in (f"--{key}", str(value))]
    assert train.main(arguments) == 0
    assert {found.args[2] for found in rendered.call_args_list} == {NYU_KINECT.resized(64, 48)}
