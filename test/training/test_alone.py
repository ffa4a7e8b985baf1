"""Two processes don't work in one folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from test.training.another_process import another_process_in
from test.training.tiny_runs import ENVIRONMENT, ROOT, arguments, write_pictures
from training import train
from training.alone import alone_in
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME
from training.errors import TrainingError
from training.rooms import __main__ as rooms


def test_a_second_trainer_is_refused_until_the_first_one_is_gone(
    tmp_path, write_nyu, tiny_clip, capsys
):
    run, data = tmp_path / "run", write_pictures(tmp_path / "data", write_nyu)
    command = arguments(data, run, tiny_clip)
    with another_process_in(run, "train") as process:
        assert train.main(command) == 1
        said = (
            f"error: {run}: another process is working in it (.train.lock); wait until it ends, or "
            "write elsewhere\n"
        )
        assert said in capsys.readouterr().err
        assert not (run / "model").exists()
        process.kill()  # it has no time to clean up
        process.wait()
        assert train.main(command) == 0
    assert (run / "model").is_dir()
    assert not list(run.glob(".*"))


def test_a_second_renderer_is_refused_and_the_first_one_finishes_whole(tmp_path, capsys):
    out = tmp_path / "rooms"
    options = ["--out", str(out), "--train", "9", "--test", "1"]
    command = [sys.executable, "-m", "training.rooms", *options]
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT) as first:
        try:
            while not list(out.glob(".*.tmp")):
                assert first.poll() is None
                time.sleep(0.01)
            first.send_signal(signal.SIGSTOP)
            assert rooms.main(options) == 1
            first.send_signal(signal.SIGCONT)
            assert first.wait() == 0
        finally:
            first.kill()
    assert f"error: {out}: another process is working in it" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == [MAT_NAME, SPLITS_NAME]
    assert [len(list(split)) for split in open_splits(out).values()] == [9, 1]


def test_other_work_goes_on_beside_it(tmp_path):
    """A row of a table locks its folder while the trainer works in it."""
    with another_process_in(tmp_path / "row", "row"):
        with alone_in(tmp_path / "row", "train"):
            pass
        with (
            pytest.raises(TrainingError, match="row: another process"),
            alone_in(tmp_path / "row", "row"),
        ):
            pass


def test_a_folder_that_stays_empty_goes_again(tmp_path):
    with alone_in(tmp_path / "runs" / "one", "train"):
        assert (tmp_path / "runs" / "one").is_dir()
    assert not (tmp_path / "runs" / "one").exists()
