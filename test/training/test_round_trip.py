"""Train, evaluate, save, load, predict, resume: the whole trainer on a few small rendered rooms."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import load_network
from training import evaluate, train
from training.checkpoints import AtomicCheckpointIO, newest
from training.errors import CheckpointError
from training.rooms import sample_frame

CONFIG = Path(__file__).parents[2] / "config" / "training" / "demo.yaml"
pytestmark = pytest.mark.timeout(300)

EPOCHS, PICTURES, TEST_PICTURES, BATCH = 12, 96, 24, 12


@pytest.fixture(scope="module")
def nyu_folder(tmp_path_factory, write_nyu) -> Path:
    """Rendered rooms in the labelled NYU layout."""
    camera = NYU_KINECT.resized(64, 48)
    frames = [sample_frame(3, index, camera) for index in range(PICTURES + TEST_PICTURES)]
    return write_nyu(
        tmp_path_factory.mktemp("rooms"),
        np.stack([frame.picture for frame in frames]),
        np.stack([frame.depth for frame in frames]),
        [frame.scene_type for frame in frames],
        train=range(1, PICTURES + 1),
        test=range(PICTURES + 1, PICTURES + TEST_PICTURES + 1),
    )


def options(output: Path, tiny_clip: Path, nyu_folder: Path, epochs: int) -> list[str]:
    values = {
        "config": CONFIG,
        "output": output,
        "model.network.architecture": tiny_clip,
        "model.network.input_size": "[48, 64]",
        "model.optimiser.lr": 2e-3,
        "data": "training.data.files.FilesDataModule",
        "data.root": nyu_folder,
        "data.batch_size": BATCH,
        "data.num_workers": 0,
        "trainer.max_epochs": epochs,
        "trainer.accelerator": "cpu",
        "trainer.log_every_n_steps": 1,
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
    }
    return [text for key, value in values.items() for text in (f"--{key}", str(value))]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, tiny_clip, nyu_folder) -> Path:
    """A finished run."""
    output = tmp_path_factory.mktemp("run")
    assert train.main(options(output, tiny_clip, nyu_folder, EPOCHS)) == 0
    return output


def logged(run_folder: Path, key: str, version: int = 0) -> list[float]:
    path = run_folder / "logs" / f"version_{version}" / "csv" / "metrics.csv"
    with path.open() as file:
        return [float(row[key]) for row in csv.DictReader(file) if row[key]]


def test_the_loss_falls_and_the_diagnostics_are_logged(run_folder):
    losses = logged(run_folder, "train/loss_epoch")
    assert len(losses) == EPOCHS
    assert losses[-1] < 0.9 * losses[0]
    for name in ("cross_entropy", "l1", "silog"):
        assert len(logged(run_folder, f"train/{name}_epoch")) == EPOCHS
    for block in (2, 5, 8, 11):
        entropy = logged(run_folder, f"gates/{block}/entropy")
        weights = [logged(run_folder, f"gates/{block}/weight_{k}") for k in range(4)]
        assert len(entropy) == EPOCHS
        assert all(0 <= value <= math.log(4) + 1e-6 for value in entropy)
        assert np.sum(weights, axis=0) == pytest.approx(np.ones(EPOCHS), abs=1e-4)
    assert min(logged(run_folder, "train/pictures_per_second")) > 0


def test_the_metrics_beat_the_constant_predictor(run_folder, nyu_folder, tmp_path, capsys):
    model, report = run_folder / "model", tmp_path / "report.json"
    command = [model, "--data", nyu_folder, "--json", report, "--device", "cpu"]
    assert evaluate.main([str(part) for part in command]) == 0
    rows = {(row["model"], row["depth"]): row for row in json.loads(report.read_text())["rows"]}
    assert set(rows) == {
        *((str(model), depth) for depth in ("fused", "binned", "regressed")),
        ("mean depth", "-"),
        ("mean depth per pixel", "-"),
    }
    fused, constant = rows[str(model), "fused"], rows["mean depth", "-"]
    for average in ("per image", "pooled"):
        assert fused[average]["d1"] > constant[average]["d1"]
        assert fused[average]["rmse"] < constant[average]["rmse"]
    table = capsys.readouterr().out
    assert f"{TEST_PICTURES} images" in table
    assert len({len(line) for line in table.splitlines() if line.startswith("|")}) == 1
    with report.with_suffix(".csv").open() as file:
        assert len(list(csv.DictReader(file))) == 5 * TEST_PICTURES


def test_the_model_folder_predicts_alone(run_folder):
    network, camera = load_network(run_folder / "model")
    assert camera == NYU_KINECT.resized(64, 48)
    stored = load_file(run_folder / "model" / "model.safetensors").values()
    assert {value.dtype for value in stored if value.is_floating_point()} == {torch.float16}
    depth = network.decode(network(torch.rand(1, 3, 48, 64))).depth
    assert depth.shape == (1, 48, 64)
    assert torch.isfinite(depth).all()


def test_a_run_goes_on_where_it_stopped(run_folder, tiny_clip, nyu_folder, capsys):
    again = options(run_folder, tiny_clip, nyu_folder, EPOCHS + 1)
    assert train.main(again) == 1
    assert "--ckpt_path last" in capsys.readouterr().err
    # The checkpoint has every weight: pretrained ones are not looked for again.
    resume = ["--ckpt_path", "last", "--model.network.pretrained", "weights-that-are-gone"]
    assert train.main([*again, *resume]) == 0
    steps = PICTURES // BATCH
    assert logged(run_folder, "step", version=1)[0] == EPOCHS * steps
    assert newest(run_folder / "checkpoints").name == f"epoch-{EPOCHS:03d}.ckpt"
    network, _ = load_network(run_folder / "model")
    assert network.config.pretrained == "weights-that-are-gone"  # as it was configured


def test_a_checkpoint_of_another_network_is_refused(
    run_folder, tiny_clip, nyu_folder, tmp_path, capsys
):
    checkpoint = newest(run_folder / "checkpoints")
    other = options(tmp_path, tiny_clip, nyu_folder, EPOCHS)
    other += ["--ckpt_path", str(checkpoint), "--model.network.num_experts", "2"]
    assert train.main(other) == 1
    assert "num_experts: expected 2, found 4" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_refused_by_name(run_folder, tmp_path):
    damaged = tmp_path / "epoch-000.ckpt"
    damaged.write_bytes(newest(run_folder / "checkpoints").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"epoch-000\.ckpt: expected a checkpoint"):
        AtomicCheckpointIO().load_checkpoint(damaged)
