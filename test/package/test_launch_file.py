"""The launch files, if ROS's launch can be imported: their arguments, and what they start."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from demo.own_domain import claim_domain
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, save_network
from moa_depth_ros.ros.transport import local_environment
from test.network.tiny import tiny_config
from test.node.harness import wait_until

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
    """The built package, sourced, on the test's own ROS domain, limited to this machine."""
    own = {"ROS_DOMAIN_ID": str(claim_domain()), **local_environment(os.environ)}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    sourced = {"AMENT_PREFIX_PATH": prefix, "PYTHONPATH": site_packages}
    for name, folder in sourced.items():
        rest = environment.get(name)
        sourced[name] = os.pathsep.join([str(folder), rest] if rest else [str(folder)])
    return {**environment, **own, **sourced}


@pytest.fixture
def model(tmp_path) -> Path:
    """An untrained model."""
    torch.manual_seed(0)
    save_network(MoADepthClip(tiny_config(tmp_path)), tmp_path / "model", NYU_KINECT)
    return tmp_path / "model"


@pytest.fixture
def launch(launch_file, ros_environment, tmp_path, model):
    """Starts a launch file as a process group of its own; returns that and its log."""
    started = []

    def call(name, *arguments):
        log = tmp_path / "launch.log"
        file = str(launch_file.parent / name)
        given = [*arguments, f"model:={model}", "device:=cpu"]
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN_LAUNCH_FILE, file, *given],
                cwd=tmp_path,
                env={**ros_environment, "ROS_LOG_DIR": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return process, log

    yield call
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def show_pictures_until_answered(seconds: float) -> dict:
    """Publish images and their calibration on /cam, and return the first message from each of the
    launched node's outputs; fewer if they don't arrive in time."""
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


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "depth.launch.py",
            {"image", "camera_info", "params_file", "model", "device", "namespace", "autostart"},
        ),
        ("demo.launch.py", {"folder", "rate", "rviz", "model", "device"}),
    ],
)
def test_every_argument_is_described(launch_file, name, wanted):
    file = str(launch_file.with_name(name))
    description = sources.get_launch_description_from_python_launch_file(file)
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    assert wanted <= arguments.keys()
    undescribed = [name for name, argument in arguments.items() if not argument.description]
    assert undescribed == []


def interrupt(process) -> int:
    """Like Ctrl-C in a terminal: to launch and to the nodes, which launch interrupts once more."""
    os.killpg(process.pid, signal.SIGINT)
    return process.wait(timeout=20)


def test_the_launched_node_answers_pictures_and_ends_on_an_interrupt(launch):
    process, log = launch("depth.launch.py", "image:=/cam/image", "namespace:=robot")
    answers = show_pictures_until_answered(seconds=60.0)
    status = interrupt(process)
    text = log.read_text()
    assert answers.keys() == {"depth", "points"}, text
    assert (answers["depth"].width, answers["depth"].height) == (WIDTH, HEIGHT)
    assert (answers["points"].width, answers["points"].height) == (WIDTH, HEIGHT)
    assert answers["depth"].header.frame_id == "cam_optical"
    assert status == 0, text
    assert "process has finished cleanly" in text
    assert "Traceback" not in text


def test_log_level_holds_for_a_node_in_a_namespace(launch):
    process, log = launch(
        "depth.launch.py", "image:=/cam/image", "namespace:=robot", "log_level:=error"
    )
    answers = show_pictures_until_answered(seconds=60.0)
    interrupt(process)
    assert answers
    assert "images from" not in log.read_text()


def change_state(node: str, transition: int, seconds: float) -> bool:
    """Like `ros2 lifecycle set`."""
    import rclpy
    from lifecycle_msgs.srv import ChangeState

    context = rclpy.Context()
    rclpy.init(context=context)
    manager = rclpy.create_node("manager", context=context)
    try:
        client = manager.create_client(ChangeState, f"{node}/change_state")
        assert client.wait_for_service(seconds)
        request = ChangeState.Request()
        request.transition.id = transition
        executor = rclpy.executors.SingleThreadedExecutor(context=context)
        future = client.call_async(request)
        executor.add_node(manager)
        executor.spin_until_future_complete(future, seconds)
        executor.shutdown()
        return future.result().success
    finally:
        manager.destroy_node()
        rclpy.shutdown(context=context)


def test_without_autostart_the_node_waits_to_be_configured_and_activated(launch):
    from lifecycle_msgs.msg import Transition

    process, log = launch(
        "depth.launch.py", "image:=/cam/image", "namespace:=robot", "autostart:=false"
    )
    assert change_state("/robot/moa_depth", Transition.TRANSITION_CONFIGURE, 60.0), log.read_text()
    assert "images from" not in log.read_text()
    assert change_state("/robot/moa_depth", Transition.TRANSITION_ACTIVATE, 60.0)
    assert show_pictures_until_answered(seconds=30.0).keys() == {"depth", "points"}
    assert interrupt(process) == 0, log.read_text()


def test_several_cameras_are_launched_as_the_documents_have_it(launch, root, tmp_path):
    text = (root / "docs" / "node.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    parameters = tmp_path / "cameras.yaml"
    parameters.write_text("/**: {ros__parameters: {cameras: [front, rear]}}")
    file = tmp_path / "robot.launch.py"
    file.write_text(example.replace("/path/to/parameters.yaml", str(parameters)))
    process, log = launch(file)
    end = time.monotonic() + 60.0
    while "images from" not in log.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert interrupt(process) == 0
    for camera in ("front", "rear"):
        topics = f"images from /{camera}/color/image_raw, camera_info from /{camera}/color/camera"
        assert topics in log.read_text()


def test_the_demo_shows_its_pictures_to_the_node(launch):
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import PointCloud2

    process, log = launch("demo.launch.py", "rviz:=false")
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("reader", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    clouds: list = []
    node.create_subscription(PointCloud2, "/moa_depth/points", clouds.append, 1)
    end = time.monotonic() + 60.0
    while not clouds and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)
    status = interrupt(process)
    text = log.read_text()
    assert clouds, text
    assert (clouds[0].width, clouds[0].height) == (640, 480)
    assert clouds[0].header.frame_id == "camera_optical_frame"
    assert status == 0, text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["depth.launch.py", "params_file:=~/nothing.yaml"], "params_file: no such file: /"),
        (["demo.launch.py", "rviz:=false", "rate:=fast"], "rate: expected Hz, found 'fast'"),
        (["demo.launch.py", "rviz:=false", "folder:=/nothing"], "found none: /nothing"),
        pytest.param(
            ["demo.launch.py"],
            "RViz needs the package rviz2, which is not installed",
            marks=pytest.mark.skipif(shutil.which("rviz2") is not None, reason="RViz is there"),
        ),
    ],
)
def test_what_will_not_do_ends_the_launch_and_leaves_nothing_running(launch, arguments, says):
    process, log = launch(*arguments)
    process.wait(timeout=60)
    assert says in log.read_text()
    wait_until(lambda: not members(process.pid), "the end of all that was started")


def members(group: int) -> list[int]:
    """The processes of a group."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended in the meantime
            pid, rest = status.read_text().split(" (", 1)
            if int(rest.rsplit(") ", 1)[1].split()[2]) == group:
                found.append(int(pid))
    return found
