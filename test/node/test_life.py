"""How the node's process starts and ends."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from demo.processes import ROOT
from moa_depth_ros.ros.parameters import ParameterError, declare
from test.node.harness import (
    PATIENCE,
    Manager,
    NodeProcess,
    Robot,
    colourful,
    wait_until,
)


def test_sigint_twice_ends_the_working_node_cleanly(ros, tiny_model):
    """As launch does it. Before that: remapped topics, and no CameraInfo at first."""
    remapped = ["-r", "image:=/side/image", "-r", "camera_info:=/rear/info", "-r", "__ns:=/robot"]
    topics = {"image": "/side/image", "info": "/rear/info", "node": "/robot/moa_depth"}
    with NodeProcess(tiny_model, *remapped) as process, Robot(**topics) as robot:
        stamp = robot.send(colourful())
        robot.answer("depth", stamp)
        robot.until(
            lambda: "/rear/info: no CameraInfo received yet" in process.log(), "the warning"
        )
        assert stamp not in robot.heard["points"]
        robot.send_info()
        robot.answer("points", robot.send(colourful()))
        for _ in range(5):
            robot.send(colourful(640, 480))
        status, seconds = process.end(signal.SIGINT, signal.SIGINT)
        assert status == 0
        assert seconds < 5  # a machine may be busy
        assert "Traceback" not in process.log()


def catches(pid, number):
    """Whether the process handles a signal; Python has a handler of its own for SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16) >> (number - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.0, 1.5], ids=["importing", "a moment later"])
def test_a_signal_while_the_node_loads_ends_it_cleanly(tiny_model, number, seconds):
    process = NodeProcess(tiny_model)
    try:
        while not catches(process.process.pid, signal.SIGTERM):
            time.sleep(0.01)
        time.sleep(seconds)
        assert process.process.poll() is None
        status, _ = process.end(number, number)
        assert status == 0
        assert "Traceback" not in process.log()
    finally:
        process.__exit__()


IMPORTED = """
import os, signal
from moa_depth_ros.ros.signals import EndSignals
EndSignals("importing")
try:
    os.kill(os.getpid(), signal.SIGTERM)
except BaseException:
    raise ImportError("as modules do that try another way")
"""


def test_a_signal_while_modules_are_imported_is_not_caught_by_them():
    assert subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, timeout=60).returncode == 0


TOGETHER = """
import atexit, os, signal

def send():
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), number)

atexit.register(send)
from moa_depth_ros.ros.signals import END_SIGNALS, EndSignals
signals = EndSignals("running")
signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
send()
signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
print(signals.asked)
"""


def test_signals_that_come_together_or_while_the_interpreter_ends_change_nothing():
    command = [sys.executable, "-c", TOGETHER]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")


SLOW = """
import sys, time
from pathlib import Path
from moa_depth_ros import estimator, node
init, quick, loading = estimator.DepthEstimator.__init__, int(sys.argv.pop(1)), sys.argv.pop(1)

def load(self, *arguments):
    global quick
    init(self, *arguments)
    quick -= 1
    if quick < 0:
        Path(loading).touch()
        time.sleep(100)

estimator.DepthEstimator.__init__ = load
sys.exit(node.main(sys.argv))
"""


@pytest.mark.parametrize("quick", [0, 1], ids=["at its start", "while it runs"])
def test_a_model_that_loads_for_long_does_not_hold_the_end_up(ros, tiny_model, tmp_path, quick):
    """The program, with a model whose loading never ends: the first one, or the second. Reports
    continue meanwhile."""
    mark = tmp_path / "loading"
    options = ["-r", "__ns:=/slow", "-p", f"model:={tiny_model}"]
    command = [sys.executable, "-c", SLOW, str(quick), str(mark), "--ros-args", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    robot = Robot(node="/slow/moa_depth", listen=[])
    try:
        if quick:
            client = ros.create_node("slow_client").create_client(
                SetParameters, "/slow/moa_depth/set_parameters"
            )
            assert client.wait_for_service(60)
            model = Parameter("model", value=str(tiny_model)).to_parameter_msg()
            client.call_async(SetParameters.Request(parameters=[model]))
        wait_until(mark.exists, "the model to load", seconds=60)
        robot.until(lambda: robot.statuses, "a report")
        begin = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0
        assert time.monotonic() - begin < 10  # a machine may be busy; the model takes 100 s
        assert "Traceback" not in process.stderr.read()
    finally:
        robot.__exit__()
        process.kill()
        process.wait()


SLOW_PICTURE = """
import sys, time
from moa_depth_ros import estimator, node
from moa_depth_ros.ros.pipeline import Pipeline

estimator.DepthEstimator.estimate_batch = lambda self, pictures: time.sleep(100)
estimator.DepthEstimator.warm_up = lambda *_: None
Pipeline.stop.__defaults__ = (0.1,)  # deactivating shall not wait for it
sys.exit(node.main(sys.argv))
"""
FORGETFUL = """
import sys
from moa_depth_ros import node
from rclpy.type_description_service import TypeDescriptionService

TypeDescriptionService.destroy = lambda self: None
sys.exit(node.main(sys.argv))
"""  # like Lyrical's first rclpy
SEGMENT = re.compile(r"/dev/shm/fastdds_[0-9a-f]{16}$", re.MULTILINE)


def shared_memory(process) -> set[str]:
    """The segments that Fast DDS maps into a process, its own and those of others."""
    return set(SEGMENT.findall(Path(f"/proc/{process}/maps").read_text()))


@pytest.mark.parametrize(
    ("work", "program"),
    [
        ("", ["-m", "moa_depth_ros.node"]),
        ("picture", ["-c", SLOW_PICTURE]),
        ("transition", ["-c", SLOW_PICTURE]),
        pytest.param(
            "",
            ["-c", FORGETFUL],
            id="forgetful",
            marks=pytest.mark.skipif(
                not find_spec("rclpy.type_description_service"), reason="Humble has none"
            ),
        ),
    ],
)
def test_a_node_that_ended_is_seen_no_more_and_leaves_no_shared_memory(
    ros, tiny_model, work, program
):
    """Also one that was processing an image that never ends, or was in a transition that waits for
    one."""
    namespace = f"/ended{work}"
    options = ["-r", f"__ns:={namespace}", "-r", "image:=/cam/image", "-p", f"model:={tiny_model}"]
    command = [sys.executable, *program, "--ros-args", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        names = ("/cam/image", "/cam/camera_info")
        with Robot(*names, node=f"{namespace}/moa_depth") as robot:
            own = shared_memory(process.pid) - shared_memory("self")
            robot.send(colourful())
            robot.spin(1.0)
            if work == "transition":
                manager = Manager(robot, f"{namespace}/moa_depth")
                assert manager.change(Transition.TRANSITION_DEACTIVATE)
                manager.begin(Transition.TRANSITION_CLEANUP)
                robot.spin(1.0)
            begin = time.monotonic()
            process.terminate()
            assert process.wait(PATIENCE) == 0
            assert time.monotonic() - begin < 5  # a machine may be busy
            robot.until(
                lambda: ("moa_depth", namespace) not in robot.node.get_node_names_and_namespaces(),
                "its leaving",
                seconds=5,
            )
            assert not [path for path in own if Path(path).exists()]
    finally:
        process.kill()
        process.wait()


STUCK = """
import sys
from moa_depth_ros import node
from moa_depth_ros.ros import depth_node, executor

def fail(self, timeout_sec):
    raise RuntimeError("nobody expected this")

executor.ServiceThreadExecutor.spin_once = fail
depth_node.DepthNode.close = lambda self, timeout: False
sys.exit(node.main(sys.argv))
"""


def test_an_error_that_nobody_expected_is_told_though_a_picture_is_still_at_work(tiny_model):
    command = [sys.executable, "-c", STUCK, "--ros-args", "-p", f"model:={tiny_model}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "RuntimeError: nobody expected this" in ended.stderr


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
        (("max_depth", -1), "max_depth: expected a number from 0 to 1000; found '-1'"),
        (
            ("cameras", ["front", "rear", "front"]),
            "cameras: expected names such as front_2, each once; found ['front', 'rear', 'front']",
        ),
        (("cameras", []), "cameras: "),
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
            declare(node, reload=lambda choice, asked: None)
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--ros-args", "--params-file", "/nowhere.yaml"], "--params-file /nowhere.yaml"),
        (["--ros-args", "-p", "device"], "-p device"),
        (["-p", "device:=cpu"], "unrecognized arguments: -p"),  # --ros-args was forgotten
        (["--ros-args", "-p", "cameras:=[]"], "A parameter is an empty list or has no value"),
    ],
)
def test_a_command_line_that_it_cannot_read_is_told(given, says):
    program = [sys.executable, "-m", "moa_depth_ros.node", *given]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (1, 2)
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_help_names_the_camera_and_the_parameters():
    program = [sys.executable, "-m", "moa_depth_ros.node", "--help"]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0
    for part in ("-r image:=", "-p device:=", "--params-file"):
        assert part in ended.stdout


def test_a_place_for_logs_that_is_missing_is_told_with_what_to_do():
    program = [sys.executable, "-m", "moa_depth_ros.node"]
    homeless = {k: v for k, v in os.environ.items() if k not in ("HOME", "ROS_HOME", "ROS_LOG_DIR")}
    ended = subprocess.run(
        program, cwd=ROOT, env=homeless, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.endswith("; set ROS_LOG_DIR to a writable folder\n")
