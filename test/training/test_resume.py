"""A run that ended early reaches the weights of one that did not; which checkpoints it needs."""

from __future__ import annotations

import csv
import dataclasses
import os
import shutil
import signal
import subprocess
import threading

import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import NetworkConfig
from test.training.layouts import write_recording
from test.training.sleeper import LIMIT
from test.training.tiny_runs import ENVIRONMENT, ROOT, TRAINER, arguments, write_pictures
from training import train
from training.checkpoints import BackgroundCheckpointIO
from training.errors import CheckpointError
from training.optimiser import one_cycle
from training.refusals import check_resumption


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_clip, write_nyu):
    """A data set, and an undisturbed run of three epochs on it."""
    folder = tmp_path_factory.mktemp("finished")
    data = write_pictures(folder / "data", write_nyu)
    assert train.main(arguments(data, folder / "run", tiny_clip, trainer__max_epochs=3)) == 0
    return data, folder / "run"


def weights(run):
    return (run / "model" / "model.safetensors").read_bytes()


def resume(data, run, tiny_clip, **changes):
    changes = {"trainer__max_epochs": 3, "ckpt_path": "last", **changes}
    return train.main(arguments(data, run, tiny_clip, **changes))


def test_a_run_without_a_checkpoint_starts_at_its_beginning(finished, tmp_path, tiny_clip, caplog):
    data, undisturbed = finished
    with caplog.at_level("INFO"):
        assert resume(data, tmp_path / "run", tiny_clip) == 0
    assert "no checkpoint yet, the run starts from the beginning" in caplog.text
    assert weights(tmp_path / "run") == weights(undisturbed)


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_killed_in_the_middle_of_an_epoch(finished, tmp_path, tiny_clip):
    data, undisturbed = finished
    run = tmp_path / "run"
    changes = {
        "trainer__max_epochs": 3,
        "trainer__callbacks": "test.training.killer.KillInSecondEpoch",
    }
    command = [*TRAINER, *arguments(data, run, tiny_clip, **changes)]
    killed = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["epoch-000.ckpt"]
    assert resume(data, run, tiny_clip) == 0
    assert weights(run) == weights(undisturbed)


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_resumed_run_takes_the_learning_rate_that_it_is_given(
    finished, tmp_path, tiny_clip, schedule
):
    """As advised after a loss that was not finite; from its first step on."""
    run = tmp_path / "run"
    first = {"trainer__max_epochs": 4, "model__optimiser__schedule": schedule}
    assert train.main(arguments(finished[0], run, tiny_clip, **first)) == 0
    changes = {
        **first,
        "ckpt_path": run / "checkpoints" / "epoch-002.ckpt",
        "model__optimiser__lr": 1e-7,
        "model__optimiser__weight_decay": 0.5,
    }
    assert resume(finished[0], run, tiny_clip, **changes) == 0
    with (run / "logs" / "version_1" / "csv" / "metrics.csv").open() as file:
        rates = [float(row["lr-AdamW"]) for row in csv.DictReader(file) if row["lr-AdamW"]]
    factors = [1.0 if schedule == "constant" else one_cycle(step, 12) for step in (9, 10, 11)]
    assert rates == pytest.approx([1e-7 * factor for factor in factors])
    last = torch.load(run / "checkpoints" / "epoch-003.ckpt", weights_only=True)
    (group,) = last["optimizer_states"][0]["param_groups"]
    assert group["weight_decay"] == 0.5
    assert group.get("initial_lr", 1e-7) == 1e-7  # from which the next resumption continues


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_another_schedule_is_refused(finished, tmp_path, tiny_clip, capsys, schedule):
    other = {"constant": "one_cycle", "one_cycle": "constant"}[schedule]
    first = {"model__optimiser__schedule": schedule}
    assert train.main(arguments(finished[0], tmp_path, tiny_clip, **first)) == 0
    assert resume(finished[0], tmp_path, tiny_clip, model__optimiser__schedule=other) == 1
    said = f"error: model.optimiser.schedule: expected {schedule}, with which the run began, found"
    assert f"{said} {other}" in capsys.readouterr().err


def test_the_lens_of_other_data_is_refused(finished, tmp_path, tiny_clip, capsys):
    """Its scale would be another from the next step on."""
    data, _ = finished
    assert train.main(arguments(data, tmp_path / "run", tiny_clip)) == 0
    recording = write_recording(tmp_path / "recording")
    assert resume(recording, tmp_path / "run", tiny_clip) == 1
    said = capsys.readouterr().err
    assert "error: camera: expected Intrinsics(width=8, height=6, fx=6.48" in said
    assert "found Intrinsics(width=8, height=6, fx=9.5" in said and "model.init_from" in said


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_shorter_lens_is_refused_like_a_longer_one(factor):
    network = NetworkConfig()
    began = {"network": network.to_dict(), "camera": NYU_KINECT.to_dict(), "schedule": "constant"}
    fx, fy = factor * NYU_KINECT.fx, factor * NYU_KINECT.fy
    with pytest.raises(CheckpointError, match=r"camera: expected Intrinsics.* found Intrinsics"):
        check_resumption(
            {**began, "optimizer_states": []},
            network,
            dataclasses.replace(NYU_KINECT, fx=fx, fy=fy),
            "constant",
        )
    same = NYU_KINECT.resized(320, 240)  # the lens of the same images, packed smaller
    check_resumption({**began, "optimizer_states": []}, network, same, "constant")


def test_checkpoints_written_in_the_background(finished, tmp_path, monkeypatch, tiny_clip):
    """As on a GPU: the run ends after the last one, and resuming is exact to the bit."""
    monkeypatch.setattr(train, "AtomicCheckpointIO", BackgroundCheckpointIO)
    first = {"trainer__max_epochs": 2, "trainer__limit_val_batches": 0}
    data, undisturbed = finished
    assert train.main(arguments(data, tmp_path, tiny_clip, **first)) == 0
    assert checkpoints(tmp_path) == ["epoch-000.ckpt", "epoch-001.ckpt"]
    assert resume(data, tmp_path, tiny_clip) == 0
    assert checkpoints(tmp_path) == ["epoch-001.ckpt", "epoch-002.ckpt"]
    assert weights(tmp_path) == weights(undisturbed)


@pytest.mark.parametrize("limit", [{"trainer__max_epochs": 3}, {"trainer__max_steps": 9}])
def test_an_epoch_that_the_disk_is_too_slow_for_has_no_checkpoint(
    finished, tmp_path, monkeypatch, tiny_clip, limit
):
    """But the last one has, whatever ends the run."""
    waited_for, flush, wait = threading.Event(), os.fsync, BackgroundCheckpointIO.teardown

    def teardown(io):
        if io.written is not None:
            waited_for.set()
        wait(io)

    monkeypatch.setattr(BackgroundCheckpointIO, "teardown", teardown)
    monkeypatch.setattr(os, "fsync", lambda file: waited_for.wait(30) and flush(file))
    monkeypatch.setattr(train, "AtomicCheckpointIO", BackgroundCheckpointIO)
    changes = {"trainer__max_epochs": 9, "trainer__limit_val_batches": 0, **limit}
    data, undisturbed = finished
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    assert checkpoints(tmp_path) == ["epoch-000.ckpt", "epoch-002.ckpt"]
    assert weights(tmp_path) == weights(undisturbed)


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_interrupted_in_the_middle_of_an_epoch(finished, tmp_path, tiny_clip):
    changes = {
        "trainer__max_epochs": 3,
        "trainer__callbacks": "test.training.killer.InterruptInSecondEpoch",
    }
    command = [*TRAINER, *arguments(finished[0], tmp_path / "run", tiny_clip, **changes)]
    ended = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == 130, ended.stderr
    assert "interrupted; the same command with --ckpt_path last resumes it\n" in ended.stderr


def checkpoints(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


@pytest.mark.parametrize("steps", [-1, 9])
def test_out_of_steps_in_the_middle_of_an_epoch(finished, tmp_path, tiny_clip, capsys, steps):
    data, undisturbed = finished
    run = tmp_path / "run"
    changes = {"trainer__max_epochs": 3, "trainer__max_steps": 4}
    assert train.main(arguments(data, run, tiny_clip, **changes)) == 0
    assert checkpoints(run) == ["epoch-000.ckpt"]
    ended = "the run ended early, in epoch 1: --ckpt_path last resumes from epoch-000.ckpt"
    assert ended in capsys.readouterr().out
    assert (run / "model").is_dir()
    assert resume(data, run, tiny_clip, trainer__max_steps=steps) == 0
    assert "ended early" not in capsys.readouterr().out
    assert checkpoints(run) == ["epoch-001.ckpt", "epoch-002.ckpt"]
    assert weights(run) == weights(undisturbed)


def test_out_of_time_in_the_middle_of_an_epoch(finished, tmp_path, tiny_clip, capsys):
    data, undisturbed = finished
    run = tmp_path / "run"
    assert train.main(arguments(data, run, tiny_clip, trainer__max_epochs=1)) == 0
    sleep = "test.training.sleeper.SleepInFirstBatch"
    assert resume(data, run, tiny_clip, trainer__max_time=LIMIT, trainer__callbacks=sleep) == 0
    assert checkpoints(run) == ["epoch-000.ckpt"]
    assert "ended early, in epoch 1" in capsys.readouterr().out
    assert resume(data, run, tiny_clip) == 0
    assert weights(run) == weights(undisturbed)


def test_out_of_steps_before_any_epoch_is_finished(finished, tmp_path, tiny_clip, capsys):
    assert train.main(arguments(finished[0], tmp_path, tiny_clip, trainer__max_steps=1)) == 0
    assert "in epoch 0: no epoch is finished, so there is no" in capsys.readouterr().out
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("limit", ["trainer__limit_train_batches", "trainer__max_steps"])
def test_an_epoch_that_has_no_more_batches_is_finished(
    finished, tmp_path, tiny_clip, capsys, limit
):
    changes = {"trainer__limit_train_batches": 2, limit: 2}
    assert train.main(arguments(finished[0], tmp_path, tiny_clip, **changes)) == 0
    assert checkpoints(tmp_path) == ["epoch-000.ckpt"]
    assert "ended early" not in capsys.readouterr().out


def test_two_checkpoints_stay_however_often_it_is_resumed(finished, tmp_path, tiny_clip):
    data, run = finished[0], tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "best.ckpt").write_bytes(b"somebody else's")
    named = shutil.copy(finished[1] / "checkpoints" / "epoch-002.ckpt", tmp_path)
    assert resume(data, run, tiny_clip, ckpt_path=named, trainer__max_epochs=4) == 0
    for epochs in (5, 7):
        assert resume(data, run, tiny_clip, trainer__max_epochs=epochs) == 0
    assert checkpoints(run) == ["best.ckpt", "epoch-005.ckpt", "epoch-006.ckpt"]
    assert (tmp_path / "epoch-002.ckpt").is_file()


def test_an_epoch_done_again_keeps_its_checkpoint(finished, tmp_path, tiny_clip):
    """Resumed from an early epoch, while those of later ones are still there."""
    run = tmp_path / "run"
    shutil.copytree(finished[1] / "checkpoints", run / "checkpoints")
    command = arguments(finished[0], tmp_path / "other", tiny_clip)
    assert train.main(command) == 0
    named = tmp_path / "other" / "checkpoints" / "epoch-000.ckpt"
    (run / "checkpoints" / "epoch-001.ckpt").rename(run / "checkpoints" / "epoch-003.ckpt")
    assert resume(finished[0], run, tiny_clip, ckpt_path=named, trainer__max_epochs=2) == 0
    assert checkpoints(run) == ["epoch-001.ckpt", "epoch-002.ckpt", "epoch-003.ckpt"]


def truncated_copy(finished, tmp_path, *names):
    run = tmp_path / "run"
    shutil.copytree(finished[1] / "checkpoints", run / "checkpoints")
    for name in names:
        path = run / "checkpoints" / name
        path.write_bytes(path.read_bytes()[:-1000])
    return run


def test_the_checkpoint_before_a_truncated_one_is_used(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path, "epoch-002.ckpt")
    assert resume(finished[0], run, tiny_clip) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "skipped" in line)
    path = run / "checkpoints" / "epoch-002.ckpt"
    assert line.startswith(f"warning: skipped: {path}: expected a checkpoint")
    assert weights(run) == weights(finished[1])


def test_a_checkpoint_whose_weights_were_damaged_is_refused(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path)
    named = run / "checkpoints" / "epoch-002.ckpt"
    content = bytearray(named.read_bytes())
    content[len(content) // 2] ^= 1
    named.write_bytes(content)
    assert resume(finished[0], run, tiny_clip, ckpt_path=named) == 1
    assert f"error: {named}: expected a checkpoint" in capsys.readouterr().err


def test_every_checkpoint_truncated(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path, "epoch-001.ckpt", "epoch-002.ckpt")
    assert resume(finished[0], run, tiny_clip) == 1
    said = capsys.readouterr().err
    assert f"skipped: {run / 'checkpoints' / 'epoch-001.ckpt'}: " in said
    assert f"{run / 'checkpoints'}: expected a checkpoint to resume from" in said


def test_a_truncated_checkpoint_that_was_named_is_refused(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path, "epoch-002.ckpt")
    named = run / "checkpoints" / "epoch-002.ckpt"
    assert resume(finished[0], run, tiny_clip, ckpt_path=named) == 1
    assert f"error: {named}: expected a checkpoint" in capsys.readouterr().err
