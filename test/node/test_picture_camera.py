"""The stand-in for a camera, in a process of its own."""

import subprocess
import sys
import time

import pytest
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, Image

from demo.messages import read_colour
from demo.processes import ROOT
from moa_depth_ros.pictures.files import read_picture, write_picture
from test.node.harness import PATIENCE, colourful, wait_until

COMMAND = [sys.executable, "-m", "moa_depth_ros.picture_camera", "--ros-args"]


def test_it_shows_the_shipped_pictures_and_their_camera(ros):
    node = ros.create_node("reader")
    heard: dict = {Image: [], CameraInfo: []}
    for kind, name in ((Image, "image_raw"), (CameraInfo, "camera_info")):
        node.create_subscription(kind, f"/camera/{name}", heard[kind].append, 5)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    process = subprocess.Popen([*COMMAND, "-p", "rate:=20.0"], cwd=ROOT)
    try:
        answered = lambda: all(heard.values())  # noqa: E731
        wait_until(answered, "a picture and its camera", lambda: executor.spin_once(0.05))
    finally:
        process.terminate()
        status = process.wait(PATIENCE)
        executor.shutdown()
        node.destroy_node()
    assert status == 0
    shown, info = heard[Image][0], heard[CameraInfo][0]
    shipped = [read_picture(path) for path in (ROOT / "config/pictures").glob("*.jpg")]
    assert any((read_colour(shown) == picture).all() for picture in shipped)
    assert shown.header.frame_id == "camera_optical_frame"
    assert (info.width, info.height) == (shown.width, shown.height)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6, 1.5])
def test_an_interrupt_ends_it_without_a_traceback_however_early(seconds):
    process = subprocess.Popen(COMMAND, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.terminate()
    said = process.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in said
    assert process.returncode in (0, -15)  # the latter before Python itself had started


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("nowhere", "folder: expected a folder of images, found none: {}"),
        ("empty", "{}: expected .png, .jpg, .jpeg images, found none"),
        ("full", "{}/camera.yaml: missing; expected a ROS camera_info file"),
    ],
)
def test_a_folder_that_will_not_do_is_named(tmp_path, folder, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    write_picture(tmp_path / "full" / "a.png", colourful())
    path = tmp_path / folder
    command = [*COMMAND, "-p", f"folder:={path}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, f"picture_camera: {says.format(path)}\n")
