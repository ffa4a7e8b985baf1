"""The estimator's benchmark, on the demo model."""

import argparse

import pytest

from moa_depth_ros.benchmark import main
from moa_depth_ros.command_line import picture_size


def test_the_table_has_every_stage_with_ordered_percentiles(capsys):
    assert main(["--no-paper", "--device", "cpu", "--runs", "3", "--size", "64x48"]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("64x48 image in, float32, 3 runs; ")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[3:]]
    assert [row[0] for row in rows] == ["demo"] * 6
    assert rows[-1][1] == "picture to depth and cloud on the host"
    for row in rows:
        median, p95, p99 = map(float, row[2:5])
        assert 0 <= median <= p95 <= p99
    whole, network = float(rows[-1][2]), float(rows[1][2])
    assert whole > 0 and network > 0


def test_a_missing_model_is_said(capsys, tmp_path):
    assert main(["--model", str(tmp_path / "none")]) == 1
    assert "no such model folder" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["640", "640x", "x480", "0x480", "640x-1", "axb"])
def test_sizes_are_width_x_height(text):
    assert picture_size("640x480") == (640, 480)
    with pytest.raises(argparse.ArgumentTypeError, match="expected WIDTHxHEIGHT"):
        picture_size(text)
