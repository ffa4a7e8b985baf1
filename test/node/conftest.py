"""Real rclpy over real DDS, in this test process's own domain and on this machine only."""

import signal
from pathlib import Path

import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, save_network
from test.network.tiny import tiny_config
from test.node.domain import use_own_domain

use_own_domain()
HERE = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """If two processes share the tests, one of them takes all that communicate over DDS: they wait
    more than they compute, and share a node."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("node"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A model folder with random weights whose depth depends on the image and its colours."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    network = MoADepthClip(tiny_config(folder))
    save_network(network, folder / "tiny", NYU_KINECT)
    return folder / "tiny"


@pytest.fixture(scope="session")
def other_model(tmp_path_factory):
    """Like tiny_model, with other weights."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    network = MoADepthClip(tiny_config(folder))
    save_network(network, folder / "other", NYU_KINECT)
    return folder / "other"


@pytest.fixture(scope="session")
def ros():
    """rclpy, initialised in this process."""
    import rclpy

    rclpy.init()
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture(scope="session")
def depth_node(ros, tiny_model):
    """The node's process that most tests share; its topics are in /camera."""
    from test.node.harness import NodeProcess

    with NodeProcess(tiny_model, "-r", "image:=/camera/image_raw") as process:
        yield process
        status, _ = process.end(signal.SIGTERM)
        assert status == 0, process.log()
        assert "Traceback" not in process.log()


@pytest.fixture
def robot(depth_node):
    """The camera and the reader on the other side of the node, subscribed to all outputs."""
    from test.node.harness import Robot

    with Robot() as robot:
        yield robot


@pytest.fixture
def set_parameter(robot):
    return robot.set_parameter


@pytest.fixture
def change(robot):
    """Sets parameters for one test, then restores the defaults."""
    from moa_depth_ros.ros.parameter_table import TABLE

    defaults = {row.name: row.default for row in TABLE}
    changed = []

    def call(name, value):
        result = robot.set_parameter(name, value)
        assert result.successful, result.reason
        changed.append(name)

    yield call
    for name in reversed(changed):
        assert robot.set_parameter(name, defaults[name]).successful
