"""The launch file, where ROS's launch can be imported: its arguments, and the node it starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from moa_depth_ros.camera import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, save_network
from test.network.tiny import tiny_config

# Not "launch": without ROS, that name finds the repository's folder of launch files.
sources = pytest.importorskip("launch.launch_description_sources")

# What `ros2 launch` does with a file and its arguments.
RUN_LAUNCH_FILE = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = [tuple(text.split(":=", 1)) for text in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""
WIDTH, HEIGHT = 64, 48


@pytest.fixture
def launch_file(prefix) -> Path:
    return prefix / "share" / "moa_depth_ros" / "launch" / "depth.launch.py"


@pytest.fixture
def ros_environment(environment, prefix, site_packages, monkeypatch) -> dict[str, str]:
    """The built package sourced, on a ROS domain of this test's own that ends at this machine."""
    own_domain = {
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    for name, value in own_domain.items():
        monkeypatch.setenv(name, value)
    sourced = {"AMENT_PREFIX_PATH": prefix, "PYTHONPATH": site_packages}
    for name, folder in sourced.items():
        rest = environment.get(name)
        sourced[name] = os.pathsep.join([str(folder), rest] if rest else [str(folder)])
    return {**environment, **own_domain, **sourced}


@pytest.fixture
def launched(launch_file, ros_environment, tmp_path):
    """The launch file as a process group of its own, with an untrained model; and its log."""
    torch.manual_seed(0)
    model = tmp_path / "model"
    save_network(MoADepthClip(tiny_config(tmp_path)), model, NYU_KINECT)
    arguments = ["image:=/cam/image", f"model:={model}", "device:=cpu", "namespace:=robot"]
    log = tmp_path / "launch.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN_LAUNCH_FILE, str(launch_file), *arguments],
            cwd=tmp_path,
            env={**ros_environment, "ROS_LOG_DIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield process, log
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def show_pictures_until_answered(seconds: float) -> dict:
    """Publish pictures and their calibration on /cam, and return the first message from each of
    the launched node's outputs; fewer if they don't come in time."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo, Image, PointCloud2

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("camera", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    picture = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=3 * WIDTH)
    picture.header.frame_id = "cam_optical"
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    picture.data.frombytes(memoryview(noise).cast("B"))
    info = CameraInfo(header=picture.header, height=HEIGHT, width=WIDTH)
    info.k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
    info.p = [60.0, 0.0, 31.5, 0.0, 0.0, 60.0, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    pictures = node.create_publisher(Image, "/cam/image", 1)
    infos = node.create_publisher(CameraInfo, "/cam/camera_info", 1)
    answers: dict = {}
    for kind, name in ((Image, "depth"), (PointCloud2, "points")):
        topic = f"/robot/moa_depth/{name}"
        keep = lambda message, name=name: answers.setdefault(name, message)  # noqa: E731
        node.create_subscription(kind, topic, keep, qos_profile_sensor_data)
    end = time.monotonic() + seconds
    while len(answers) < 2 and time.monotonic() < end:
        infos.publish(info)
        pictures.publish(picture)
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)
    return answers


def test_every_argument_is_described(launch_file):
    description = sources.get_launch_description_from_python_launch_file(str(launch_file))
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    wanted = {"image", "camera_info", "params_file", "model", "device", "namespace"}
    assert wanted <= arguments.keys()
    undescribed = [name for name, argument in arguments.items() if not argument.description]
    assert undescribed == []


def test_the_launched_node_answers_pictures_and_ends_on_an_interrupt(launched):
    process, log = launched
    answers = show_pictures_until_answered(seconds=60.0)
    # As Ctrl-C in a terminal: to launch and to the node, which launch interrupts once more.
    os.killpg(process.pid, signal.SIGINT)
    status = process.wait(timeout=20)
    text = log.read_text()
    assert answers.keys() == {"depth", "points"}, text
    assert (answers["depth"].width, answers["depth"].height) == (WIDTH, HEIGHT)
    assert (answers["points"].width, answers["points"].height) == (WIDTH, HEIGHT)
    assert answers["depth"].header.frame_id == "cam_optical"
    assert status == 0, text
    assert "process has finished cleanly" in text
    assert "Traceback" not in text
