"""Real rclpy over real DDS, in a domain of this test process's own and on this machine only."""

import signal

import pytest
import torch

from moa_depth_ros.camera import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, save_network
from test.network.tiny import tiny_config
from test.node.domain import use_own_domain

use_own_domain()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A model folder with random weights whose depth depends on the picture and its colours."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    network = MoADepthClip(tiny_config(folder))
    save_network(network, folder / "tiny", NYU_KINECT)
    return folder / "tiny"


@pytest.fixture(scope="session")
def other_model(tmp_path_factory):
    """As tiny_model, with other weights."""
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
    """The node's process that most tests share. Topics below /camera."""
    from test.node.harness import NodeProcess

    with NodeProcess(tiny_model, "-r", "image:=/camera/image_raw") as process:
        yield process
        status, _ = process.end(signal.SIGTERM)
        assert status == 0, process.log()
        assert "Traceback" not in process.log()


@pytest.fixture
def robot(depth_node):
    """The camera and the reader on the other side of the node, all outputs subscribed."""
    from test.node.harness import Robot

    with Robot() as robot:
        yield robot


@pytest.fixture
def set_parameter(robot):
    """Sets a parameter of the running node; its SetParametersResult."""
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    client = robot.node.create_client(SetParameters, "/moa_depth/set_parameters")
    assert client.wait_for_service(10)

    def call(name, value):
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        future = client.call_async(request)
        robot.until(future.done, "the parameter service")
        return future.result().results[0]

    return call
