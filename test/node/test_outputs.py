"""What the running node answers to good images."""

import dataclasses
import time

import numpy as np
import pytest

from demo.messages import picture_message, read_cloud, read_depth
from moa_depth_ros.estimator import find_device
from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from test.node.harness import CAMERA, COMPRESSED, OUTPUTS, Robot, colourful
from test.pictures.test_compressed_depth import decode

SAME = 1e-4  # metres
MONO = np.repeat(colourful()[..., :1], 3, axis=2)


def depth_of(robot, picture, encoding="rgb8"):
    """The node's depth of an image seen by CAMERA."""
    robot.send_info()
    return read_depth(robot.answer("depth", robot.send(picture, encoding)))


@pytest.fixture(scope="module")
def reference(depth_node):
    """The depth of two images as rgb8: one in colour, one in grey."""
    with Robot(listen=["depth"]) as robot:
        depths = [depth_of(robot, picture) for picture in (colourful(), MONO)]
    assert np.abs(depths[0] - depths[1]).max() > 100 * SAME  # the network sees the difference
    return depths


def test_every_output_has_the_pictures_header_and_size(robot):
    robot.send_info()
    stamp = robot.send(picture_message(robot.header("left_lens"), colourful(), "rgb8"))
    answers = {name: robot.answer(name, stamp) for name in OUTPUTS}
    for name, msg in answers.items():
        assert msg.header.frame_id == "left_lens", name
        assert (msg.width, msg.height) == (CAMERA.width, CAMERA.height), name
    assert answers["depth"].encoding == answers["uncertainty"].encoding == "32FC1"
    depth, uncertainty = (read_depth(answers[name]) for name in ("depth", "uncertainty"))
    assert np.isfinite(depth).all()
    assert depth.min() > 0
    assert uncertainty.min() > 0
    assert answers["camera_info"].k[0] == CAMERA.fx


def test_the_cloud_is_depth_image_procs_of_the_depth(robot):
    robot.send_info()
    picture = colourful(seed=3)
    stamp = robot.send(picture)
    depth = read_depth(robot.answer("depth", stamp))
    points, colours = read_cloud(robot.answer("points", stamp))
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    expected = [(u - CAMERA.cx) * depth / CAMERA.fx, (v - CAMERA.cy) * depth / CAMERA.fy, depth]
    np.testing.assert_allclose(points, np.stack(expected, axis=-1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(colours, picture)


def test_intrinsics_of_another_size_are_scaled_to_the_picture(robot):
    robot.send_info()
    stamp = robot.send(colourful(48, 32))
    points, _ = read_cloud(robot.answer("points", stamp))
    info = robot.answer("camera_info", stamp)
    half = CAMERA.resized(48, 32)
    assert (info.width, info.height, info.k[0], info.k[5]) == (48, 32, half.fx, half.cy)
    slope = points[10, 40, 0] / points[10, 40, 2]
    assert slope == pytest.approx((40 - half.cx) / half.fx, rel=1e-5)


@pytest.mark.parametrize("encoding", ["bgr8", "8UC3", "rgba8", "bgra8", "8UC4"])
def test_each_colour_encoding_gives_the_depth_of_rgb8(robot, reference, encoding):
    picture = colourful()
    if encoding != "rgba8":
        picture = picture[..., ::-1]
    if encoding not in ("bgr8", "8UC3"):
        picture = np.dstack([picture, np.full(picture.shape[:2], 77, np.uint8)])
    np.testing.assert_allclose(depth_of(robot, picture, encoding), reference[0], atol=SAME)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_pictures_are_read(robot, reference, encoding):
    np.testing.assert_allclose(depth_of(robot, MONO[..., 0], encoding), reference[1], atol=SAME)


def test_padded_rows_are_left_out(robot, reference):
    padded = np.full((CAMERA.height, CAMERA.width * 3 + 13), 255, np.uint8)
    padded[:, : CAMERA.width * 3] = colourful().reshape(CAMERA.height, -1)
    msg = picture_message(robot.header(), padded, "rgb8")
    msg.width = CAMERA.width
    np.testing.assert_allclose(depth_of(robot, msg), reference[0], atol=SAME)


def test_the_size_may_change_from_picture_to_picture(robot):
    robot.send_info(Intrinsics(160, 120, 100.0, 100.0, 80.0, 60.0))
    for width, height in ((160, 120), (64, 96), (33, 17), (160, 120)):
        stamp = robot.send(colourful(width, height))
        for name in OUTPUTS:
            msg = robot.answer(name, stamp)
            assert (msg.width, msg.height) == (width, height), name


def test_a_longer_lens_sees_things_farther_away(robot, reference, depth_node):
    camera = dataclasses.replace(CAMERA, fx=2 * CAMERA.fx, fy=2 * CAMERA.fy)
    robot.send_info(camera)
    depth = read_depth(robot.answer("depth", robot.send(colourful())))
    np.testing.assert_allclose(depth, 2 * reference[0], rtol=1e-4)
    ratio = camera.focal_ratio(NYU_KINECT)
    said = f"focal length is {ratio:.3f} times the training camera's"
    while said not in depth_node.log():  # another camera's may have been logged a moment ago
        robot.answer("depth", robot.send(colourful()))
        robot.spin(0.1)
    assert robot.status()[1]["focal length scale"] == f"{ratio:.3f}"


def test_16uc1_is_the_same_depth_in_millimetres(robot, reference, set_parameter):
    assert set_parameter("depth_encoding", "16UC1").successful
    try:
        robot.send_info()
        msg = robot.answer("depth", robot.send(colourful()))
    finally:
        set_parameter("depth_encoding", "32FC1")
    assert msg.encoding == "16UC1"
    np.testing.assert_allclose(read_depth(msg) / 1000, reference[0], atol=0.00051 + SAME)


def test_depth_comes_as_png_for_those_who_ask(depth_node, set_parameter):
    with Robot(listen=["depth", COMPRESSED]) as robot:
        for encoding, step in (("32FC1", 0.01), ("16UC1", 0)):
            assert set_parameter("depth_encoding", encoding).successful
            stamp = robot.send(colourful())
            msg, depth = robot.answer(COMPRESSED, stamp), robot.answer("depth", stamp)
            assert msg.format == f"{encoding}; compressedDepth png"
            assert msg.header == depth.header
            np.testing.assert_allclose(decode(msg.data.tobytes()), read_depth(depth), atol=step)
    assert set_parameter("depth_encoding", "32FC1").successful


def test_refused_parameters_say_why(set_parameter):
    result = set_parameter("depth_encoding", "64FC1")
    assert not result.successful
    assert result.reason == "depth_encoding: expected one of 32FC1, 16UC1; found '64FC1'"
    result = set_parameter("image_transport", "compressed")
    assert not result.successful
    assert "read-only" in result.reason


def test_under_load_the_newest_picture_wins_and_the_others_are_counted(robot):
    robot.send_info()
    before = robot.status()[1]
    pictures = [colourful(1280, 720, seed) for seed in range(20)]
    stamps = []
    for picture in pictures:
        stamps.append(robot.send(picture))
        time.sleep(0.002)
    for name in ("depth", "points"):
        robot.answer(name, stamps[-1])
    answered = [stamp for stamp in stamps if stamp in robot.heard["depth"]]
    assert answered[-1] == stamps[-1]
    assert answered == sorted(answered)
    after = robot.status()[1]
    gained = {
        what: int(after[f"frames {what}"]) - int(before[f"frames {what}"])
        for what in ("in", "out", "dropped", "refused", "failed")
    }
    assert gained["dropped"] > 0
    assert gained["in"] == gained["out"] + gained["dropped"]
    assert gained["refused"] == gained["failed"] == 0


def test_nobody_listens_and_no_inference_runs(depth_node):
    with Robot(listen=[]) as robot:
        before = robot.status()[1]
        for _ in range(5):
            robot.send(colourful())
            robot.spin(0.1)
        reports, after = robot.status()
    assert int(after["frames unheard"]) - int(before["frames unheard"]) == 5
    assert after["frames out"] == before["frames out"]
    assert (b"\0", "Images arrive, but no output has a subscriber.") in reports


def test_camera_info_alone_takes_no_inference(depth_node):
    with Robot(listen=["camera_info"]) as robot:
        robot.send_info()
        _, before = robot.status()
        for _ in range(5):
            answer = robot.answer("camera_info", robot.send(colourful(48, 32)))
            assert (answer.width, answer.height) == (48, 32)
        _, after = robot.status()
    assert int(after["frames out"]) - int(before["frames out"]) == 5
    # Of the last 200 images that went through the network; nothing new was added.
    assert after["network median (ms)"] == before["network median (ms)"]


def test_diagnostics_tell_where_the_time_goes(robot):
    robot.send_info()
    robot.answer("points", robot.send(colourful()))
    reports, values = robot.status()
    assert (b"\0", "Running.") in reports
    assert values["device"] == str(find_device("auto"))
    assert values["model"].endswith("tiny")
    assert float(values["memory of the process (MiB)"]) > 10
    for stage in ("waiting", "network", "cloud", "publishing", "total", "since stamp"):
        median, p95 = (float(values[f"{stage} {what} (ms)"]) for what in ("median", "p95"))
        assert 0 < median <= p95 < 60_000, stage


def test_a_best_effort_camera_is_heard(depth_node):
    """The way most drivers publish: sensor data."""
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    from test.node.harness import Robot, colourful

    with Robot(listen=["depth"]) as robot:
        robot.node.destroy_publisher(robot.pictures)
        robot.pictures = robot.node.create_publisher(
            Image, "/camera/image_raw", qos_profile_sensor_data
        )
        robot.connect()
        robot.answer("depth", robot.send(colourful()))


def test_depth_as_png_alone_is_worth_a_run_of_the_network(depth_node):
    with Robot(listen=[COMPRESSED]) as robot:
        robot.answer(COMPRESSED, robot.send(colourful()))
