"""A row is trained and judged, once."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.report import device_name
from moa_depth_ros.network import MoADepthClip, NetworkConfig
from test.training.tables.settings import made, on, row_of
from training import prepare
from training.errors import TrainingError, WeightsError
from training.judging.baselines import baselines_of
from training.judging.judge import judge
from training.judging.output import averages_of
from training.tables.__main__ import main
from training.tables.rows import TableRow, Trained, ZeroShot
from training.tables.run import finished_results, result_of

pytestmark = pytest.mark.timeout(300)  # trainers in processes of their own, on a busy machine


def test_a_row_is_trained_judged_and_not_made_twice(setting, tmp_path):
    row = row_of("2", "k2")
    result = result_of(row, 1, setting, tmp_path, None)
    folder = tmp_path / "bins-10-experts-2-seed1"
    config = json.loads((folder / "model" / "config.json").read_text())["network"]
    assert (config["num_experts"], config["num_bins"]) == (2, 10)
    assert set(result["figures"]) == {"fused", "binned", "regressed"}
    figures = result["figures"]["fused"]
    assert 0 <= figures["per image"]["d1"] <= 1 and figures["per image"]["rmse"] > 0
    assert figures["per image"] != figures["per image, median-scaled"]
    network = MoADepthClip(NetworkConfig.from_dict(config))
    learning = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert result["seconds"] > 0 and result["trainable"] == learning
    with (folder / "pictures.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["depth"] == "fused"]
    found = [float(line["rmse"]) for line in lines]
    assert np.mean(found) == pytest.approx(figures["per image"]["rmse"], rel=1e-4)
    judged_on = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained, judged = (made["device"] for made in result["provenance"])
    assert (trained[:3], judged) == ("CPU", device_name(judged_on))  # the setting's trainer
    (folder / "model" / "model.safetensors").unlink()  # a second training or judging would miss it
    assert result_of(row, 1, setting, tmp_path, None) == result
    with pytest.raises(TrainingError, match="made by another recipe"):
        result_of(row, 1, setting, tmp_path, 3)


@pytest.mark.parametrize("content", [b"", b'{"figures": {', b"\xff"])
@pytest.mark.parametrize("name", ["recipe.json", "attempts.json", "result.json"])
def test_a_damaged_file_of_a_row_is_named(setting, tmp_path, name, content):
    row = row_of("2", "mean")
    folder = tmp_path / row.run
    first = result_of(row, None, setting, tmp_path, None)
    if name == "attempts.json":
        (folder / "result.json").unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{row.run}/{name}: expected JSON, .*; remove it$"):
        result_of(row, None, setting, tmp_path, None)
    if name != "attempts.json":
        with pytest.raises(TrainingError, match=f"{row.run}/{name}: expected JSON"):
            finished_results(row, setting, tmp_path, None)
    (folder / name).unlink()
    assert result_of(row, None, setting, tmp_path, None)["figures"] == first["figures"]


def test_a_row_is_judged_with_the_camera_of_the_test_pictures(setting, tmp_path, monkeypatch):
    """As in training.evaluate, depth is multiplied by the ratio of focal lengths."""
    row = row_of("2", "k1")
    plain = result_of(row, 0, setting, tmp_path, None)["figures"]["fused"]["per image"]
    (tmp_path / "bins-10-experts-1-seed0" / "result.json").unlink()
    longer = dataclasses.replace(NYU_KINECT, fx=2 * NYU_KINECT.fx, fy=2 * NYU_KINECT.fy)
    monkeypatch.setattr("training.data.nyu_labelled.NYU_KINECT", longer)
    again = on(setting.data, setting)
    scaled = result_of(row, 0, again, tmp_path, None)["figures"]["fused"]["per image"]
    assert scaled["rmse"] != pytest.approx(plain["rmse"], rel=0.01)


def test_a_trained_row_that_was_not_judged_goes_on_there(setting, tmp_path, monkeypatch):
    row = row_of("2", "k1")
    first = result_of(row, 0, setting, tmp_path, None)
    folder = tmp_path / "bins-10-experts-1-seed0"
    (folder / "result.json").unlink()
    for checkpoint in (folder / "checkpoints").iterdir():
        checkpoint.unlink()
    monkeypatch.setattr("training.tables.run.provenance", lambda device: made("later"))
    again = result_of(row, 0, setting, tmp_path, None)
    assert again["figures"] == first["figures"]
    assert again["seconds"] == first["seconds"]
    assert again["provenance"] == [first["provenance"][0], made("later")]
    (folder / "result.json").unlink()
    attempts = json.loads((folder / "attempts.json").read_text())
    (folder / "attempts.json").write_text(json.dumps(2 * attempts))  # as after an interruption
    again = result_of(row, 0, setting, tmp_path, None)
    assert again["seconds"] == pytest.approx(2 * first["seconds"])


def test_a_failed_training_says_where_and_how(setting, tmp_path, capfd):
    row = TableRow("bad", "bad", "bad", Trained({"model.network.num_bins": 0}))
    with pytest.raises(TrainingError, match=r"bad-seed0: training ended with status"):
        result_of(row, 0, setting, tmp_path, None)
    assert "num_bins" in capfd.readouterr().err


def test_what_a_training_is_made_by_is_noted_before_it_starts(setting, tmp_path, monkeypatch):
    row, commits, seen = row_of("2", "k1"), ["one", "two"], []
    path = tmp_path / "bins-10-experts-1-seed0" / "attempts.json"

    def killed(command):
        assert command[-2:] == ["--ckpt_path", "last"]
        seen.append([attempt["provenance"] for attempt in json.loads(path.read_text())])
        raise KeyboardInterrupt

    monkeypatch.setattr("training.tables.run.subprocess.run", killed)
    monkeypatch.setattr("training.tables.run.provenance", lambda device: made(commits.pop(0)))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            result_of(row, 0, setting, tmp_path, None)
    assert seen == [[made("one")], [made("one"), made("two")]]


def test_a_seed_is_that_of_weights_order_and_augmentation(setting, tmp_path, monkeypatch):
    commands = []

    def started(command):
        commands.append(command)
        raise KeyboardInterrupt

    monkeypatch.setattr("training.tables.run.subprocess.run", started)
    monkeypatch.setattr("training.tables.run.provenance", lambda device: made("one"))
    with pytest.raises(KeyboardInterrupt):
        result_of(row_of("2", "k1"), 5, setting, tmp_path, None)
    (command,) = commands
    for name in ("--seed_everything", "--data.seed", "--model.augmentation.seed"):
        assert command[command.index(name) + 1] == "5"


def test_rows_without_training(setting, tmp_path):
    mean = result_of(row_of("1", "mean"), 0, setting, tmp_path, None)
    expected, _ = judge(baselines_of(setting.splits["train"]), setting.splits["test"], "eigen")
    assert mean["figures"]["mean depth"] == averages_of(expected)
    assert set(mean["figures"]) == {"mean depth", "mean depth per pixel"}
    assert mean["trainable"] == 0
    baseline = row_of("1", "baseline")
    assert isinstance(baseline.method, ZeroShot)
    found = result_of(baseline, 0, setting, tmp_path, None)
    assert found["figures"]["-"]["per image"]["rmse"] > 0


def test_random_weights_of_a_zero_shot_row_are_always_the_same(setting, tmp_path, monkeypatch):
    drawn = []

    def network(backbone, words, pretrained):
        drawn.append(torch.rand(3))
        raise WeightsError

    monkeypatch.setattr("training.tables.run.DepthClip", network)
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        with pytest.raises(WeightsError):
            result_of(row_of("1", "baseline"), None, setting, tmp_path, None)
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(*drawn)


def test_the_trainer_takes_every_kind_of_value(setting, tmp_path):
    """A list, a bool, a text, a number and what the command line adds."""
    changes = {
        "model.network.moa_layers": [],
        "model.network.scene_context": False,
        "model.network.bin_spacing": "log",
        "model.network.min_depth": 0.5,
    }
    row = TableRow("every", "every", "every", Trained(changes, hires=True))
    result_of(row, 0, setting, tmp_path, 1)
    config = json.loads((tmp_path / "every-seed0" / "model" / "config.json").read_text())
    values = {f"model.network.{key}": value for key, value in config["network"].items()}
    assert {name: values[name] for name in changes} == changes
    assert values["model.network.input_size"] == [96, 128]


def test_a_large_input_is_not_trained_on_shrunk_pictures(setting, tmp_path, monkeypatch, capsys):
    packed = tmp_path / "packed.h5"
    size = ["--size", "24", "32"]
    assert prepare.main(["--convert", str(setting.data), *size, "--out", str(packed)]) == 0
    small = on(packed, setting)
    monkeypatch.setattr("training.tables.__main__.find_setting", lambda *_: small)
    assert main(["parts", "--rows", "hires", "mean", "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "packed at 32x24 pixels, but the row's input is 128x96; pack them" in printed.err
    assert "| mean depth | **ours** |" in printed.out
