"""The managed node: transitions from outside, and models replaced at runtime."""

import signal

import numpy as np
import pytest
from lifecycle_msgs.msg import State, Transition
from rclpy.parameter import Parameter

from demo.messages import read_depth
from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.ros.camera_info import camera_info_message
from test.estimator.exhausted import Exhausted
from test.node.harness import CAMERA, Manager, NodeProcess, Robot, colourful
from test.node.spinning import spinning_node

NAME = "/moa_depth"
PICTURE = colourful()


def last_values(robot):
    return [(pair.key, pair.value) for status in robot.statuses[-1:] for pair in status.values]


def send_and_read(robot):
    return read_depth(robot.answer("depth", robot.send(PICTURE)))


def test_every_transition_from_outside(ros, tiny_model):
    name = "/managed/moa_depth"  # the one that other tests share may be running
    options = ("-r", "__ns:=/managed", "-r", "image:=/cam/image")
    process = NodeProcess("/no/folder", "-p", "autostart:=false", *options)
    robot = Robot("/cam/image", "/cam/camera_info", node=name)
    try:
        manager = Manager(robot, name)
        assert manager.state() == State.PRIMARY_STATE_UNCONFIGURED
        robot.until(lambda: "Not active." in [s.message for s in robot.statuses], "a report")

        assert not manager.change(Transition.TRANSITION_CONFIGURE)
        assert manager.state() == State.PRIMARY_STATE_UNCONFIGURED
        assert process.log().count("/no/folder: no such model folder") == 1
        for _ in range(2):  # the report repeats
            reports, _ = robot.status()
            assert reports[-1] == (b"\2", "/no/folder: no such model folder")

        assert manager.set("model", str(tiny_model)).successful
        assert manager.change(Transition.TRANSITION_CONFIGURE)
        assert manager.state() == State.PRIMARY_STATE_INACTIVE
        assert robot.status()[0][-1] == (b"\0", "Not active.")
        assert robot.pictures.get_subscription_count() == 0

        for _ in range(10):  # now and then, the executor meets destroyed subscriptions
            assert manager.change(Transition.TRANSITION_ACTIVATE)
            robot.connect()
            robot.send_info()
            robot.answer("points", robot.send(PICTURE))
            assert manager.change(Transition.TRANSITION_DEACTIVATE)
            robot.until(
                lambda: robot.pictures.get_subscription_count() == 0, "the end of the subscription"
            )

        assert manager.change(Transition.TRANSITION_CLEANUP)
        robot.until(
            lambda: robot.node.count_publishers(f"{name}/depth") == 0, "the end of the outputs"
        )
        robot.until(lambda: ("model", "") in last_values(robot), "a report without a model")
        assert manager.change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
        assert manager.state() == State.PRIMARY_STATE_FINALIZED
        status, _ = process.end(signal.SIGTERM)
        assert status == 0
        assert "Traceback" not in process.log()
    finally:
        robot.__exit__()
        process.__exit__()


def test_the_camera_infos_from_before_the_node_was_activated_again_are_not_missed(ros, tiny_model):
    parameters = {"model": str(tiny_model), "device": "cpu"}
    name, topics = "/anew/moa_depth", ("/anew/image", "/anew/camera_info")
    with (
        spinning_node(DepthEstimator, "/anew", parameters),
        Robot(*topics, listen=["depth"], node=name) as robot,
    ):
        manager = Manager(robot, name)
        for _ in range(40):
            robot.infos.publish(camera_info_message(robot.header(), CAMERA))
            robot.spin(0.02)
        assert manager.change(Transition.TRANSITION_DEACTIVATE)
        robot.status()  # covers the last CameraInfo
        assert manager.change(Transition.TRANSITION_ACTIVATE)
        robot.connect()
        for _ in range(30):
            robot.answer("depth", robot.send(PICTURE))
        assert robot.status()[0][0] == (b"\0", "Running.")


def test_a_model_can_be_replaced_and_a_bad_one_is_refused(
    robot, depth_node, tiny_model, other_model
):
    manager = Manager(robot, NAME)
    first = send_and_read(robot)
    assert manager.set("model", str(other_model)).successful
    second = send_and_read(robot)
    assert np.abs(first - second).max() > 0.01
    robot.until(
        lambda: robot.status()[1]["model"] == str(other_model), "the report of the new model"
    )

    for name, value, reason in (
        (
            "model",
            "/no/folder",
            "/no/folder: no such model folder. The current model stays in use.",
        ),
        ("model", "~nobody_of_that_name/model", "model: Could not determine home directory"),
        ("device", "gpu", "device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
        ("device", "xpu", "device: expected auto, cpu, cuda or cuda:N, found 'xpu'"),
        ("precision", "int8", "precision: expected one of float32, bfloat16, float16; found"),
    ):
        result = manager.set(name, value)
        assert not result.successful
        assert result.reason.startswith(reason)
    np.testing.assert_array_equal(send_and_read(robot), second)

    assert manager.set("model", str(tiny_model)).successful
    np.testing.assert_array_equal(send_and_read(robot), first)
    assert "Traceback" not in depth_node.log()


def test_the_model_is_read_again_where_it_is_set_or_something_changes(ros, tiny_model):
    made = []

    def make(*arguments):
        made.append(arguments)
        return DepthEstimator(*arguments)

    parameters = {"model": str(tiny_model), "device": "cpu"}
    with spinning_node(make, "/again", parameters) as node:
        for name, value, loads in (
            ("device", "cpu", 1),  # like `ros2 param load` with dumped parameters
            ("precision", "float32", 1),
            ("model", str(tiny_model), 2),
            ("precision", "bfloat16", 3),
        ):
            assert node.set_parameters([Parameter(name, value=value)])[0].successful
            assert len(made) == loads


def without_memory(model, device, precision):
    made = DepthEstimator if device == "cpu" else Exhausted
    return made(model, device, precision)


@pytest.fixture
def exhausted_node(ros, tiny_model):
    """A node in this process whose device has no memory, in /low."""
    parameters = {"model": str(tiny_model), "precision": "bfloat16", "fallback_to_cpu": False}
    with spinning_node(without_memory, "/low", parameters) as node:
        yield node


def test_a_device_without_memory_is_an_error_or_the_cpu_takes_over(exhausted_node):
    with Robot("/low/image", "/low/camera_info", node="/low/moa_depth") as robot:
        robot.send_info()
        robot.send(PICTURE)
        reports, _ = robot.status()
        assert (b"\2", "OutOfMemoryError: CUDA out of memory.") in reports

        assert Manager(robot, "/low/moa_depth").set("fallback_to_cpu", True).successful
        robot.answer("points", robot.send(PICTURE))
        reports, values = robot.status()
        assert (values["device"], values["precision"]) == ("cpu", "float32")
        level, message = reports[-1]
        assert level == b"\1"
        assert "has no memory left: depth is now estimated on the CPU" in message
        assert Manager(robot, "/low/moa_depth").set("device", "auto").successful
        assert "has no memory left" not in robot.status()[0][-1][1]  # tried again, though the same
