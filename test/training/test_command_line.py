"""How the command lines end, and what their options take."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from moa_depth_ros.command_line import a_path, above_zero, at_least, device
from moa_depth_ros.network import NetworkConfig
from test.training.tiny_runs import ROOT
from training import evaluate
from training import train as trainer
from training.command_line import exit_code, new_file
from training.errors import DataError, WeightsError
from training.rooms.__main__ import main as rooms
from training.weights import build_network


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (DataError("index 3: no depth"), 1, "error: index 3: no depth\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "error: .*Permission denied: '/x'\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (MemoryError(), 1, "error: out of memory: .*; use smaller images or batches, .*\n"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"),
            1,
            "error: out of memory: .*you tried to; use smaller .*\n",
        ),
    ],
)
def test_what_ends_a_command_is_one_line(capsys, error, code, says):
    def work():
        raise error

    assert exit_code(work) == code
    assert re.fullmatch(says, capsys.readouterr().err)


def test_a_defect_shows_where_it_came_from():
    def work():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        exit_code(work)


PROGRAM = """
import signal, sys, time
from pathlib import Path
from moa_depth_ros.command_line import exit_code
from moa_depth_ros.machine.whole_file import whole_file

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

def work():
    with whole_file(Path(sys.argv[1])) as unfinished:
        unfinished.write_text("half")
        print("writing \u03b4", flush=True)
        time.sleep(60)

sys.exit(exit_code(work))
"""


def start(path, **options):
    command = [sys.executable, "-c", PROGRAM, str(path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **{**pipes, **options})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing_half_written(tmp_path, number):
    with start(tmp_path / "file.txt") as process:
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert not list(tmp_path.iterdir())


def test_a_hangup_that_is_ignored_stays_so(tmp_path):
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731 - as nohup does
    with start(tmp_path / "file.txt", preexec_fn=ignore) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.kill()


def test_what_a_terminal_can_not_show_is_written_otherwise(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with start(tmp_path / "file.txt", env=environment) as process:
        assert process.stdout.readline() == "writing \\u03b4\n"
        process.kill()


def test_nobody_reads_what_is_printed(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with start(tmp_path / "file.txt", stdout=writing) as process:
        os.close(writing)
        assert process.wait(30) == 141
        assert process.stderr.read() == ""


def test_home_is_found_where_no_shell_did_it(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert a_path("~/data") == Path("/home/somebody/data")
    with pytest.raises(argparse.ArgumentTypeError, match="'~nobody-of-this-name/data'"):
        a_path("~nobody-of-this-name/data")


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    link, target = tmp_path / "link.json", tmp_path / "target.json"
    link.symlink_to(target)
    assert new_file(".json")(str(link)) == target
    assert link.is_symlink()
    assert not target.exists()


def test_numbers():
    assert at_least(0)("0") == 0
    for text in ("-1", "1.5", "many", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="whole number of at least 0"):
            at_least(0)(text)


def test_devices():
    assert device("cpu") == torch.device("cpu")
    with pytest.raises(argparse.ArgumentTypeError, match="expected auto, cpu, cuda or cuda:N"):
        device("gpu")


def test_files_are_tried_beforehand(tmp_path):
    path = tmp_path / "new" / "report.json"
    assert new_file(".json")(str(path)) == path
    assert not path.exists()
    path.write_text("kept")
    new_file(".json")(str(path))
    assert path.read_text() == "kept"
    (tmp_path / "folder.json").mkdir()
    for name, says in (
        ("report.csv", "expected a name that ends in .json"),
        ("folder.json", "can't be written"),
        ("new/report.json/x.json", "can't be written"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=says):
            new_file(".json")(str(tmp_path / name))


def test_the_judge_refuses_before_it_judges(tmp_path, capsys):
    for option in (["--json", "x.csv"], ["--batch", "0"], ["--limit", "0"], ["--device", "gpu"]):
        with pytest.raises(SystemExit) as ended:
            evaluate.main(["model", "--data", str(tmp_path), *option])
        assert ended.value.code == 2
        assert f"argument {option[0]}: " in capsys.readouterr().err


@pytest.mark.parametrize("content", ["name,value\nmine,1\n", ""])
def test_the_judge_replaces_no_csv_but_its_own(tmp_path, capsys, content):
    beside = tmp_path / "res.csv"
    beside.write_text(content)
    command = ["model", "--data", str(tmp_path), "--json", str(tmp_path / "res.json")]
    with pytest.raises(SystemExit) as ended:
        evaluate.main(command)
    assert ended.value.code == 2
    assert f"argument --json: {beside}, which goes beside it, already" in capsys.readouterr().err
    assert beside.read_text() == content
    beside.write_text("model,depth,index,scene,d1,d2,d3,abs_rel,sq_rel,rmse,rmse_log,log10,silog\n")
    assert evaluate.main(command) == 1  # because there are no data


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert rooms(["--train", "1", "--test", "1", "--out", str(tmp_path / "file" / "rooms")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_trainer_without_its_device_is_one_line(tmp_path, capsys):
    command = ["--config", "config/training/demo.yaml", "--trainer.accelerator", "gpu"]
    assert trainer.main([*command, "--output", str(tmp_path)]) == 1
    assert "error: trainer: " in capsys.readouterr().err


def test_rooms_have_no_recordings_to_hold_out(tmp_path, capsys):
    rooms = ["--data.rooms_per_epoch", "8", "--data.val_rooms", "2", "--data.num_workers", "0"]
    command = ["--config", "config/training/demo.yaml", *rooms, "--held_out", "0.5"]
    assert trainer.main([*command, "--output", str(tmp_path)]) == 1
    assert "error: held_out: expected a data set that says which recording" in (
        capsys.readouterr().err
    )


def test_a_weights_file_that_is_none(tmp_path):
    (tmp_path / "weights.pt").write_text("# not weights")
    with pytest.raises(WeightsError, match=r"no CLIP weights '.*weights\.pt'"):
        build_network(NetworkConfig(pretrained=str(tmp_path / "weights.pt")))


def test_numbers_above_zero():
    assert above_zero("2.5") == 2.5
    for text in ("0", "-1", "nan", "inf", "fast"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
            above_zero(text)
