"""The benchmark of loaders and of a training step: it runs, and counts what can be worked out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network
from test.training.layouts import write_frames, write_recording
from training import benchmark
from training.module import DepthModule


@pytest.fixture
def model(tmp_path, tiny_clip) -> Path:
    """A model folder, untrained."""
    network = MoADepthClip(NetworkConfig(str(tiny_clip), None, (48, 64)))
    save_network(network, tmp_path / "model", NYU_KINECT)
    return tmp_path / "model"


def test_every_layout_is_measured_beside_the_step(tmp_path, model, capsys):
    data = [write_frames(tmp_path / "frames"), write_recording(tmp_path / "recording")]
    command = [*data, "--model", model, "--batch", 2, "--workers", 1, "--runs", 2, "--pictures", 4]
    command += ["--device", "cpu"]
    assert benchmark.main([str(part) for part in command]) == 0
    out = capsys.readouterr().out
    found = re.findall(r"^\| (.+?) \| ([0-9.]+) \|(?: ([0-9.]+) \|)?$", out, re.M)
    rows = {name: [float(value or 0) for value in values] for name, *values in found}
    for folder in data:
        assert rows[f"{folder}, streamed by 1 workers"][0] > 0
        assert rows[f"{folder}, kept on cpu"][0] > 0
    assert rows["training step alone"][0] > 0
    assert rows["forward and loss"][1] > 0
    assert rows["optimiser"][1] == 0
    assert "precision: 32-true\n" in out


def test_a_step_in_the_precision_of_a_gpu(model):
    """Its network computes in bfloat16; its loss and its weights don't."""
    module = DepthModule(init_from=str(model))
    batch = {
        "picture": torch.zeros(2, 3, 48, 64, dtype=torch.uint8),
        "depth": torch.ones(2, 48, 64),
        "index": torch.arange(2),
    }
    step, seen = benchmark.Step(module, batch, "bf16-mixed"), []
    module.network.regression.register_forward_hook(lambda *found: seen.append(found[-1].dtype))
    step.run()
    assert seen == [torch.bfloat16]
    assert step.loss.dtype == torch.float32
    assert {p.grad.dtype for p in module.parameters() if p.grad is not None} == {torch.float32}


def test_missing_data_is_one_message(tmp_path, model, capsys):
    assert benchmark.main([str(tmp_path / "gone.h5"), "--model", str(model)]) == 1
    assert "error: no such file" in capsys.readouterr().err
