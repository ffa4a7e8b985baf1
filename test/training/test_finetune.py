"""Going on from a model folder, on a recording of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.network import MoADepthClip, NetworkConfig, load_network, save_network
from test.training.layouts import write_recording
from training import train
from training.errors import TrainingError, WeightsError
from training.module import DepthModule

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


def test_the_documented_command(tmp_path, tiny_clip, capsys):
    """Trains, keeps what is frozen, goes on after a stop, and takes the recording's camera."""
    start = model_folder(tmp_path / "model", tiny_clip)
    write_recording(tmp_path / "recording", 5)
    command = {
        "config": CONFIG,
        "model.init_from": tmp_path / "model",
        "data.root": tmp_path / "recording",
        "output": tmp_path / "run",
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
    assert camera == Intrinsics(8, 6, 9.5, 9.25, 3.5, 2.5)
    assert tuned.config == start.config
    before, after = start.state_dict(), tuned.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert changed <= learning(start)
    assert train.main([*arguments, "--ckpt_path", "last", "--trainer.max_epochs", "2"]) == 0
    again, _ = load_network(tmp_path / "run" / "model")
    assert any(not torch.equal(after[name], again.state_dict()[name]) for name in changed)
