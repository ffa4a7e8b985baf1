"""A run that was killed reaches the weights of one that was not; damaged checkpoints are passed."""

from __future__ import annotations

import shutil
import signal
import subprocess

import pytest
import torch

from test.training.tiny_runs import ENVIRONMENT, ROOT, TRAINER, arguments, write_pictures
from training import train


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_clip, write_nyu):
    """A data set, and a run of three epochs on it that nobody disturbed."""
    folder = tmp_path_factory.mktemp("finished")
    data = write_pictures(folder / "data", write_nyu)
    assert train.main(arguments(data, folder / "run", tiny_clip, trainer__max_epochs=3)) == 0
    return data, folder / "run"


def weights(run):
    return (run / "model" / "model.safetensors").read_bytes()


def resume(data, run, tiny_clip, **changes):
    changes = {"trainer__max_epochs": 3, "ckpt_path": "last", **changes}
    return train.main(arguments(data, run, tiny_clip, **changes))


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
    """As the advice after a loss that was not finite has it."""
    first = {"trainer__max_epochs": 2, "model__optimiser__schedule": schedule}
    last = tmp_path / "run" / "checkpoints" / "epoch-001.ckpt"
    assert train.main(arguments(finished[0], tmp_path / "run", tiny_clip, **first)) == 0
    changes = {
        "model__optimiser__schedule": schedule,
        "model__optimiser__lr": 1e-7,
        "model__optimiser__weight_decay": 0.5,
    }
    assert resume(finished[0], tmp_path / "run", tiny_clip, **changes) == 0
    (group,) = torch.load(last.with_stem("epoch-002"), weights_only=True)["optimizer_states"][0][
        "param_groups"
    ]
    assert 0 <= group["lr"] <= 1e-7
    assert group["weight_decay"] == 0.5


@pytest.mark.timeout(300)  # a process of its own, which imports torch on a busy machine
def test_interrupted_in_the_middle_of_an_epoch(finished, tmp_path, tiny_clip):
    changes = {
        "trainer__max_epochs": 3,
        "trainer__callbacks": "test.training.killer.InterruptInSecondEpoch",
    }
    command = [*TRAINER, *arguments(finished[0], tmp_path / "run", tiny_clip, **changes)]
    ended = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == 130, ended.stderr
    assert "interrupted; the same command goes on with --ckpt_path last\n" in ended.stderr


def truncated_copy(finished, tmp_path, *names):
    run = tmp_path / "run"
    shutil.copytree(finished[1] / "checkpoints", run / "checkpoints")
    for name in names:
        path = run / "checkpoints" / name
        path.write_bytes(path.read_bytes()[:-1000])
    return run


def test_the_checkpoint_before_a_truncated_one_is_used(finished, tmp_path, tiny_clip):
    run = truncated_copy(finished, tmp_path, "epoch-002.ckpt")
    with pytest.warns(UserWarning, match=r"left out: .*epoch-002\.ckpt: .*damaged"):
        assert resume(finished[0], run, tiny_clip) == 0
    assert weights(run) == weights(finished[1])


def test_every_checkpoint_truncated(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path, "epoch-001.ckpt", "epoch-002.ckpt")
    with pytest.warns(UserWarning, match=r"epoch-001\.ckpt"):
        assert resume(finished[0], run, tiny_clip) == 1
    assert f"{run / 'checkpoints'}: expected a checkpoint to resume from" in capsys.readouterr().err


def test_a_truncated_checkpoint_that_was_named_is_refused(finished, tmp_path, tiny_clip, capsys):
    run = truncated_copy(finished, tmp_path, "epoch-002.ckpt")
    named = run / "checkpoints" / "epoch-002.ckpt"
    assert resume(finished[0], run, tiny_clip, ckpt_path=named) == 1
    assert f"error: {named}: expected a checkpoint" in capsys.readouterr().err
