"""The trainer's runs: what they write, what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from test.training.layouts import write_folder
from test.training.tiny_runs import arguments, write_pictures
from training import train

ROOT = Path(__file__).parents[2]

OFFLINE = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "PYTHONPROFILEIMPORTTIME": "1",  # every import is a line on standard error
}


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_alone_without_data_it_says_what_to_get_and_needs_no_ros(tmp_path):
    command = [sys.executable, "-m", "training.train"]
    done = subprocess.run(command, cwd=tmp_path, env=OFFLINE, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
    for text in ("data/nyu/nyu_depth_v2_labeled.mat", "splits.mat", "config/training/demo.yaml"):
        assert text in done.stderr
    assert "torch" in done.stderr
    assert "rclpy" not in done.stderr


def test_an_interval_beyond_the_epoch_is_one_line(tmp_path, write_nyu, tiny_clip, capsys):
    data, changes = write_pictures(tmp_path / "data", write_nyu), {"trainer__val_check_interval": 9}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: trainer: ") and "`val_check_interval` (9)" in line


def test_a_run_that_is_refused_leaves_nothing(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    assert train.main(arguments(tmp_path / "none", tmp_path / "run", tiny_clip)) == 1
    assert not (tmp_path / "run").exists()
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 0
    before = sorted((tmp_path / "run").rglob("*"))
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 1
    resume = {"ckpt_path": "last", "model__network__num_bins": 8}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **resume)) == 1
    assert sorted((tmp_path / "run").rglob("*")) == before


def test_the_runs_folder_may_be_in_the_home(tmp_path, monkeypatch, write_nyu, tiny_clip, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert train.main(arguments(data, "~/run", tiny_clip)) == 0
    assert f"model folder: {tmp_path}/home/run/model\n" in capsys.readouterr().out
    assert (tmp_path / "home" / "run" / "model" / "config.json").is_file()
    assert not (tmp_path / "~").exists()
    assert train.main(arguments(data, "", tiny_clip)) == 1
    assert "error: output: expected a folder, found ''" in capsys.readouterr().err


def test_a_trial_of_one_step_writes_nothing(tmp_path, write_nyu, tiny_clip):
    data, trial = write_pictures(tmp_path / "data", write_nyu), {"trainer__fast_dev_run": "true"}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **trial)) == 0
    assert not (tmp_path / "run").exists()


def test_a_run_says_where_its_weights_are_from(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, trainer__max_epochs=2)) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert found["device"].startswith("CPU") and set(found["versions"]) > {"torch", "python"}
    counts = {"epochs": 2, "steps": 6, "training pictures": 6, "validation pictures": 3}
    assert {name: found[name] for name in counts} == counts


def test_an_epoch_that_is_not_finished_does_not_count(tmp_path, write_nyu, tiny_clip):
    data, limit = write_pictures(tmp_path / "data", write_nyu), {"trainer__max_steps": 4}
    command = arguments(data, tmp_path / "run", tiny_clip, trainer__max_epochs=3, **limit)
    assert train.main(command) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert (found["epochs"], found["steps"]) == (1, 4)


@pytest.mark.parametrize(("limit", "steps"), [("1", 1), ("2", 2), ("0.67", 2)])
def test_a_limit_is_a_number_of_batches_or_a_share(tmp_path, write_nyu, tiny_clip, limit, steps):
    data = write_pictures(tmp_path / "data", write_nyu)
    limits = {"trainer__limit_train_batches": limit, "trainer__limit_val_batches": "1"}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **limits)) == 0
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert found["steps"] == steps


def test_the_kind_of_depth_is_the_datas(tmp_path, tiny_clip, capsys):
    data = write_folder(tmp_path / "data")
    command = arguments(data, tmp_path / "run", tiny_clip, data__depth="filled")
    assert train.main(command) == 1
    expected = f"error: {data}: expected filled depth, but the layout folder has only raw depth"
    assert expected in capsys.readouterr().err


def test_a_run_without_any_depth_that_counts_ends(tmp_path, nyu, tiny_clip, capsys):
    """Its loss would be 0, and its model worth nothing."""
    data = nyu(raw=np.full((5, 6, 8), 2500, np.float32))  # millimetres instead of metres
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 1
    expected = "nothing was learned in epoch 0: no training image has any depth up to 10 m"
    assert f"error: {expected}" in capsys.readouterr().err
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("name", ["model", "best"])
def test_a_model_is_not_replaced(tmp_path, write_nyu, tiny_clip, capsys, name):
    """Even if its checkpoints were removed, to save space."""
    (tmp_path / "run" / name).mkdir(parents=True)
    command = arguments(write_pictures(tmp_path / "data", write_nyu), tmp_path / "run", tiny_clip)
    assert train.main(command) == 1
    assert f"run/{name}: already exists; start another run with --out" in capsys.readouterr().err


def test_a_run_without_a_step_writes_no_model(tmp_path, write_nyu, tiny_clip, capsys):
    data, output = write_pictures(tmp_path / "data", write_nyu), tmp_path / "run"
    assert train.main(arguments(data, output, tiny_clip, trainer__limit_train_batches=0)) == 1
    assert "error: the run ended without a training step" in capsys.readouterr().err
    assert not (output / "model").exists()
