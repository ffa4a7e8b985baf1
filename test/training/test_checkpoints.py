"""Checkpoints as files: complete or absent, the newest, a full disk, nothing executed."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import threading
import time
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from test.training.tiny_runs import arguments, write_pictures
from training import train
from training.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO, newest
from training.errors import CheckpointError


def write_forever(path: Path, written: Any) -> None:
    for number in range(1_000_000):
        state = {"number": number, "weights": torch.full((300, 300), float(number))}
        AtomicCheckpointIO().save_checkpoint(state, path)
        written.value = number


def test_checkpoints_replace_whole(tmp_path):
    """Killed while it writes checkpoint after checkpoint, the newest whole one still loads."""
    path = tmp_path / "epoch-000.ckpt"
    processes = multiprocessing.get_context("fork")
    written = processes.Value("i", -1)
    process = processes.Process(target=write_forever, args=(path, written))
    process.start()
    while written.value < 5:
        time.sleep(0.003)
    process.kill()
    process.join()
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    assert loaded["number"] >= 5
    assert (loaded["weights"] == loaded["number"]).all()
    assert newest(tmp_path) == path


def epochs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("epoch-*"))


def test_a_checkpoint_in_the_background_is_of_the_moment(tmp_path, monkeypatch):
    """Training continues meanwhile; the older ones stay until it is in place."""
    going = threading.Event()
    io, flush = BackgroundCheckpointIO(), os.fsync
    state = {"optimiser": [{"step": torch.zeros(3)}]}
    for number in range(2):
        io.save_checkpoint(state, tmp_path / f"epoch-00{number}.ckpt")
    io.teardown()
    monkeypatch.setattr(os, "fsync", lambda file: going.wait(30) and flush(file))
    io.save_checkpoint(state, tmp_path / "epoch-002.ckpt")
    state["optimiser"][0]["step"] += 1
    assert epochs(tmp_path) == ["epoch-000.ckpt", "epoch-001.ckpt"]
    going.set()
    io.teardown()
    assert epochs(tmp_path) == ["epoch-001.ckpt", "epoch-002.ckpt"]
    (group,) = io.load_checkpoint(tmp_path / "epoch-002.ckpt")["optimiser"]
    assert torch.equal(group["step"], torch.zeros(3))


def test_checkpoints_in_the_background_wait_for_each_other_not_the_training_for_them(
    tmp_path, monkeypatch
):
    """The best one and the epoch's, on a slow disk: in their order, whatever they hold by then."""
    going = threading.Event()
    io, flush = BackgroundCheckpointIO(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: going.wait(30) and flush(file))
    state = {"step": torch.zeros(3)}
    for name in ("best", "epoch-000"):
        io.save_checkpoint(state, tmp_path / f"{name}.ckpt")
        state["step"] += 1
    assert not list(tmp_path.glob("*.ckpt"))
    going.set()
    io.teardown()
    steps = [
        io.load_checkpoint(tmp_path / f"{name}.ckpt")["step"][0] for name in ("best", "epoch-000")
    ]
    assert steps == [0, 1]


def test_an_error_in_the_background_is_raised_by_the_next_checkpoint(tmp_path):
    io = BackgroundCheckpointIO()
    io.save_checkpoint({}, tmp_path)  # a folder
    wait([io.written])
    with pytest.raises(OSError, match=str(tmp_path)):
        io.save_checkpoint({}, tmp_path / "epoch-000.ckpt")
    io.teardown()  # told once


@pytest.mark.parametrize("io", [AtomicCheckpointIO, BackgroundCheckpointIO])
def test_a_full_disk_ends_the_run_in_one_line(
    tmp_path, monkeypatch, write_nyu, tiny_clip, capsys, io
):
    monkeypatch.setattr(train, "AtomicCheckpointIO", io)
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"trainer__limit_val_batches": 0}
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))  # a checkpoint has more bytes
    try:
        assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    path = tmp_path / "checkpoints" / "epoch-000.ckpt"
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"error: [Errno 27] File too large: '{path}'"
    assert not list(path.parent.iterdir())
    assert not (tmp_path / "model").exists()


def test_a_disk_too_full_for_the_model_costs_no_training(
    tmp_path, monkeypatch, write_nyu, tiny_clip, capsys
):
    data, output = write_pictures(tmp_path / "data", write_nyu), tmp_path / "run"
    with monkeypatch.context() as patched:
        full = OSError(errno.ENOSPC, "No space left on device")
        patched.setattr(train, "save_network", Mock(side_effect=full))
        assert train.main(arguments(data, output, tiny_clip)) == 1
    assert capsys.readouterr().err.endswith(
        f"error: {output}: the model can't be written ([Errno 28] No space left on device); once "
        "there is room, the same command with --ckpt_path last writes it\n"
    )
    assert train.main(arguments(data, output, tiny_clip, ckpt_path="last")) == 0
    assert json.loads((output / "provenance.json").read_text())["steps"] == 3
    assert (output / "model" / "config.json").is_file()


def test_the_newest_checkpoint_is_that_of_the_latest_epoch(tmp_path):
    """By its number: after a thousand epochs, names are longer."""
    for name in ("epoch-999.ckpt", "epoch-1000.ckpt", "epoch-last.ckpt", "my-epoch-2000.ckpt"):
        (tmp_path / name).touch()
    assert newest(tmp_path).name == "epoch-1000.ckpt"


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    path = tmp_path / "epoch-000.ckpt"
    torch.save({"state_dict": Malicious()}, path)
    with pytest.raises(CheckpointError, match="epoch-000"):
        AtomicCheckpointIO().load_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="epoch-007"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "epoch-007.ckpt")
