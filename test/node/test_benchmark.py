"""The node's benchmark, run the way a user runs it."""

import subprocess
import sys

from demo.processes import ROOT

FRAMES = 10


def run(*arguments: object) -> subprocess.CompletedProcess:
    """It uses a domain of its own, without the node that other tests share."""
    film = ("--sizes", "64x48", "--rate", "30", "--frames", str(FRAMES), "--rounds", "1")
    command = [sys.executable, "-m", "benchmarks.node", *film, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


def test_relay_and_node_are_measured_with_and_without_the_cloud(tiny_model):
    ended = run("--model", tiny_model)
    programs = ["relay", "node, least network", f"node, {tiny_model.name}"]
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = [line.strip("| ").split(" | ") for line in ended.stdout.splitlines() if "64x48" in line]
    kinds = [(answers, program) for _, answers, program, *_ in rows]
    assert kinds == [(answers, name) for answers in ("depth", "depth, cloud") for name in programs]
    for _, _, program, frames, rate, median, p95, p99, network, memory, own in rows:
        assert 0 < int(frames) <= FRAMES  # best effort: a busy machine loses some
        assert float(rate) > 0 and 0 < float(median) <= float(p95) <= float(p99)
        assert (float(network) > 0) == (program != "relay")
        assert min(map(float, memory.split(", "))) > 10
        assert program != "relay" or own.rstrip(" |") == "1.00"


def test_a_model_that_is_none_is_said_before_anything_is_measured(tmp_path):
    ended = run("--model", tmp_path / "none")
    assert ended.returncode == 1
    assert "none: no such model folder" in ended.stderr
    assert "| relay |" not in ended.stdout
