"""How the node's process starts and ends."""

import re
import signal
import subprocess
import sys

import pytest

from moa_depth_ros.ros.parameters import ParameterError, declare
from test.node.harness import ROOT, NodeProcess, Robot, colourful


def test_sigint_twice_ends_the_working_node_cleanly(ros, tiny_model):
    """As launch does it. Before that: other topics, and no CameraInfo at first."""
    remapped = ["-r", "image:=/side/image", "-r", "camera_info:=/rear/info", "-r", "__ns:=/robot"]
    topics = {"image": "/side/image", "info": "/rear/info", "node": "/robot/moa_depth"}
    with NodeProcess(tiny_model, *remapped) as process, Robot(**topics) as robot:
        stamp = robot.send(colourful())
        robot.answer("depth", stamp)
        robot.until(lambda: "/rear/info: no CameraInfo came yet" in process.log(), "the warning")
        assert stamp not in robot.heard["points"]
        robot.send_info()
        robot.answer("points", robot.send(colourful()))
        for _ in range(5):
            robot.send(colourful(640, 480))
        status, seconds = process.end(signal.SIGINT, signal.SIGINT)
        assert status == 0
        assert seconds < 5  # most of it the interpreter's own end on a busy machine
        assert "Traceback" not in process.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_node_loads_ends_it_cleanly(tiny_model, number):
    process = NodeProcess(tiny_model)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.process.wait(1.5)
        status, _ = process.end(number, number)
        assert status == 0
        assert "Traceback" not in process.log()
    finally:
        process.__exit__()


def test_a_missing_model_ends_it_with_one_line():
    command = [sys.executable, "-m", "moa_depth_ros.node", "--ros-args", "-p", "model:=/no/folder"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 1
    assert "/no/folder: no such model folder" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            ("depth_encoding", "64FC1"),
            "depth_encoding: expected one of 32FC1, 16UC1; found '64FC1'",
        ),
        (("max_depth", -1.0), "max_depth out of range"),
        (
            ("cameras", ["front", "rear", "front"]),
            "cameras: expected names such as front_2, each once; found ['front', 'rear', 'front']",
        ),
        (("cameras", ["left/front"]), "found ['left/front']"),
        (("device", 0), "device: Trying to set parameter 'device' to '0' of type 'INTEGER'"),
    ],
)
def test_a_parameter_that_it_cannot_start_with_is_told(ros, given, says):
    name, value = given
    override = ros.parameter.Parameter(name, value=value)
    node = ros.create_node(
        "strict",
        parameter_overrides=[override],
        automatically_declare_parameters_from_overrides=True,
    )
    try:
        with pytest.raises(ParameterError, match=re.escape(says)):
            declare(node, reload=lambda choice: None)
    finally:
        node.destroy_node()
