"""Two processes don't work in one folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test.training.tiny_runs import ENVIRONMENT, ROOT, arguments, write_pictures
from training import train
from training.alone import alone_in
from training.errors import TrainingError

HOLDER = """
import sys
from pathlib import Path
from training.alone import alone_in

with alone_in(Path(sys.argv[1]), sys.argv[2]):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_in(folder: Path, work: str) -> Iterator[subprocess.Popen]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", HOLDER, str(folder), work]
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, **pipes) as process:
        try:
            assert process.stdout.readline() == "in\n"
            yield process
        finally:
            process.kill()


def test_a_second_trainer_is_refused_until_the_first_one_is_gone(
    tmp_path, write_nyu, tiny_clip, capsys
):
    run, data = tmp_path / "run", write_pictures(tmp_path / "data", write_nyu)
    command = arguments(data, run, tiny_clip)
    with another_process_in(run, "train") as process:
        assert train.main(command) == 1
        said = f"error: {run}: another process is at work in it; wait for its end, or take another"
        assert said in capsys.readouterr().err
        assert not (run / "model").exists()
        process.kill()  # it has no time to tidy up
        process.wait()
        assert train.main(command) == 0
    assert (run / "model").is_dir()
    assert not list(run.glob(".*"))


def test_other_work_goes_on_beside_it(tmp_path):
    """A row of a table holds its folder while the trainer is at work in it."""
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
