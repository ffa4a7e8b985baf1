"""Bad input: a clear message, and the next good image is answered."""

import time

import pytest

from demo.messages import picture_message
from moa_depth_ros.ros.camera import REPEAT_SECONDS
from moa_depth_ros.ros.camera_info import camera_info_message
from test.node.harness import CAMERA, Robot, colourful

OK, WARN = b"\0", b"\1"


@pytest.fixture(scope="module")
def silence():
    """The time until which a complaint may silence the next one in the log."""
    return {"until": 0.0}


@pytest.fixture
def unsilenced(robot, silence):
    robot.spin(silence["until"] - time.monotonic())
    silence["until"] = time.monotonic() + 1.0 + REPEAT_SECONDS  # a test complains for a second


def bad(robot, **changes):
    msg = picture_message(robot.header(), colourful(), "rgb8")
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"encoding": "nonsense"}, "'nonsense'"),
        ({"height": 0, "width": 0}, "The image is empty: 0x0 pixels."),
        ({"height": CAMERA.height + 1}, "The image is truncated"),
        ({"step": 5}, "The image step is 5 bytes"),
        ({"height": 2**32 - 1, "width": 2**32 - 1}, "a row of 4294967295 pixels"),
    ],
)
@pytest.mark.usefixtures("unsilenced")
def test_a_bad_picture_is_told_and_the_next_one_answered(robot, depth_node, changes, says):
    robot.send(bad(robot, **changes))
    reports, values = robot.status()
    error = values["last error"]
    assert error.startswith("/camera/image_raw: ")
    assert says in error
    assert (WARN, error) in reports
    assert error in depth_node.log()
    robot.answer("depth", robot.send(colourful()))


@pytest.mark.usefixtures("unsilenced")
def test_repeated_complaints_are_throttled(robot, depth_node):
    for number in range(30):
        robot.send(bad(robot, encoding=f"broken{number}"))
        robot.spin(0.02)
    robot.answer("depth", robot.send(colourful()))
    assert 1 <= depth_node.log().count("'broken") <= 3


def test_a_camera_info_without_focal_length_stops_the_cloud_only(robot):
    info = camera_info_message(robot.header(), CAMERA)
    info.k[0] = info.k[4] = info.p[0] = info.p[5] = 0.0
    robot.send_info(info=info)
    stamp = robot.send(colourful())
    robot.answer("depth", stamp)
    reports, values = robot.status()
    error = values["last error"]
    assert error.startswith("/camera/camera_info: ")
    assert error.endswith("is the camera calibrated? No cloud or camera_info is published.")
    assert (WARN, error) in reports
    assert stamp not in robot.heard["points"]
    assert stamp not in robot.heard["camera_info"]
    robot.send_info()
    robot.answer("points", robot.send(colourful()))


@pytest.mark.usefixtures("unsilenced")
def test_a_complaint_of_each_picture_silences_no_other(robot, depth_node):
    robot.send_info(CAMERA.resized(CAMERA.width, 2 * CAMERA.height))
    other_shape = f"but the image has {CAMERA.width}x{CAMERA.height}, another aspect ratio"
    robot.answer("points", robot.send(colourful()))
    reports, values = robot.status()
    assert other_shape in values["last error"]
    assert (WARN, values["last error"]) in reports
    robot.send(bad(robot, encoding="another"))
    robot.until(lambda: "'another'" in depth_node.log(), "the second complaint")
    assert other_shape in depth_node.log()


def test_a_camera_info_that_stops_is_told_and_the_last_one_used(robot):
    stopped = "CameraInfo stopped 30 images ago; the last one stays in use."
    for _ in range(30):
        robot.infos.publish(camera_info_message(robot.header(), CAMERA))
        robot.spin(0.02)
    robot.send_info()
    robot.status()  # covers the last CameraInfo
    for _ in range(30):
        robot.answer("points", robot.send(colourful()))
    reports, _ = robot.status()
    assert (WARN, stopped) in reports
    robot.send_info()
    robot.answer("points", robot.send(colourful()))
    reports, _ = robot.status()
    assert (OK, "Running.") in reports


def test_depth_alone_needs_camera_info_for_its_scale_only(depth_node):
    with Robot(listen=["depth", "uncertainty"]) as robot:
        info = camera_info_message(robot.header(), CAMERA)
        info.k[0] = info.p[0] = 0.0
        robot.send_info(info=info)
        robot.answer("depth", robot.send(colourful()))
        reports, _ = robot.status()
        unscaled = "Depth is not scaled to this camera's focal length (scale_by_focal_length)."
        assert any(level == WARN and message.endswith(unscaled) for level, message in reports)

        assert robot.set_parameter("scale_by_focal_length", False).successful
        robot.status()  # of what came before
        robot.answer("depth", robot.send(colourful()))
        reports, _ = robot.status()
        assert robot.set_parameter("scale_by_focal_length", True).successful
    assert (OK, "Running.") in reports
    assert WARN not in [level for level, message in reports if message != "No images arrive."]
