"""Thousands of malformed messages to a running node, then a good one and the right answer."""

import struct

import cv2
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from demo.messages import read_depth
from moa_depth_ros.ros.camera_info import camera_info_message
from test.node.harness import CAMERA, NodeProcess, Robot, colourful

RAW, ENCODED, INFOS = 3500, 1500, 500
BATCH = 250
PICTURE = colourful()
JPEG, PNG = (cv2.imencode(kind, PICTURE[..., ::-1])[1].tobytes() for kind in (".jpg", ".png"))
# Every message must arrive and be counted.
EVERYTHING = [
    argument
    for policy in ("reliability:=reliable", "history:=keep_all")
    for argument in ("-p", f"qos_overrides./fuzz/image{{}}.subscription.{policy}")
]
NUMBERS = [0.0, -1.0, 1e-320, 1e308, float("nan"), float("inf"), -float("inf"), 500.0]
SIZES = [0, 1, 3, 96, 65_536, 2**31 - 1, 2**32 - 1]


def bad_picture(rng, header):
    """An image message that can't be read, in one of five ways."""
    height, width = (int(rng.choice(SIZES[1:4])) for _ in range(2))
    msg = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    data = 3 * width * height
    way = rng.integers(5)
    if way == 0:  # truncated
        data = int(rng.integers(0, data))
    elif way == 1:  # rows overlap
        msg.step = int(rng.integers(0, 3 * width))
    elif way == 2:  # empty
        msg.height = 0
    elif way == 3:  # no such encoding
        msg.encoding = "".join(chr(c) for c in rng.integers(32, 1000, rng.integers(0, 40)))
    else:  # larger than memory
        msg.height, msg.width = (int(rng.choice(SIZES[4:])) for _ in range(2))
        msg.step = int(rng.choice(SIZES))
    msg.data.frombytes(rng.bytes(data))
    return msg


def bad_file(rng, header):
    """Neither JPEG nor PNG, or one that is truncated, or of a size that fits no memory."""
    whole = (JPEG, PNG)[rng.integers(2)]
    way = rng.integers(4)
    if way == 0:
        data = whole[: rng.integers(0, len(whole) - 8)]
    elif way == 1:
        data = rng.bytes(int(rng.integers(0, 200)))
    elif way == 2:
        data = PNG[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + PNG[24:]
    else:  # the frame header's height and width
        at = JPEG.index(b"\xff\xc0") + 5
        data = JPEG[:at] + struct.pack(">HH", 65_535, 65_535) + JPEG[at + 4 :]
    msg = CompressedImage(header=header, format="jpeg")
    msg.data.frombytes(data)
    return msg


def bad_info(rng, header):
    info = camera_info_message(header, CAMERA)
    for name in ("k", "p", "d", "r"):
        values = getattr(info, name)
        for index in rng.integers(0, len(values), rng.integers(0, 4)):
            values[index] = rng.choice(NUMBERS)
    info.width, info.height = (int(rng.choice(SIZES)) for _ in range(2))
    info.roi.x_offset, info.roi.width = (int(rng.choice(SIZES)) for _ in range(2))
    info.binning_x = int(rng.choice([0, 1, 2, 2**32 - 1]))
    info.distortion_model = str(rng.choice(["plumb_bob", "fisheye", "", "nonsense"]))
    return info


def feed(robot, publisher, make, count, refused):
    """Publish the messages in batches, each once the node has counted the previous one."""
    rng = np.random.default_rng(0)
    for begin in range(0, count, BATCH):
        for _ in range(BATCH):
            publisher.publish(make(rng, robot.header()))
        wanted = str(refused + begin + BATCH)
        robot.until(lambda wanted=wanted: values(robot).get("frames refused") == wanted, wanted)


def values(robot):
    return {pair.key: pair.value for status in robot.statuses[-1:] for pair in status.values}


@pytest.mark.parametrize(
    ("kind", "suffix", "make", "count", "more"),
    [
        (Image, "", bad_picture, RAW, []),
        (
            CompressedImage,
            "/compressed",
            bad_file,
            ENCODED,
            ["-p", "image_transport:=compressed", "-p", "rectify:=true"],
        ),
    ],
)
def test_a_good_picture_is_answered_after_thousands_of_bad_ones(
    ros, tiny_model, kind, suffix, make, count, more
):
    topic = f"/fuzz/image{suffix}"
    # In a namespace, because the node that other tests share also reports in /diagnostics.
    places = ["-r", "__ns:=/fuzz", "-r", "image:=/fuzz/image"]
    arguments = [*places, *more, *(a.format(suffix) for a in EVERYTHING)]
    with (
        NodeProcess(tiny_model, *arguments) as process,
        Robot(topic, "/fuzz/camera_info", node="/fuzz/moa_depth", kind=kind) as robot,
    ):
        fuzzer = robot.node.create_publisher(kind, topic, QoSProfile(depth=BATCH))
        infos = robot.node.create_publisher(CameraInfo, "/fuzz/camera_info", QoSProfile(depth=1))
        robot.until(fuzzer.get_subscription_count, "the connection")
        robot.send_info()

        def good():
            msg = PICTURE
            if kind is CompressedImage:
                msg = CompressedImage(header=robot.header(), format="png")
                msg.data.frombytes(PNG)
            stamp = robot.send(msg)
            robot.answer("points", stamp)
            return read_depth(robot.answer("depth", stamp))

        expected = good()
        _, before = robot.status()
        # An image that arrived before the camera's CameraInfo was refused, too.
        feed(robot, fuzzer, make, count, refused=int(before["frames refused"]))
        rng = np.random.default_rng(1)
        for _ in range(INFOS):
            infos.publish(bad_info(rng, robot.header()))
        robot.send_info()
        np.testing.assert_array_equal(good(), expected)
        _, after = robot.status()
        memory = "memory of the process (MiB)"
        assert float(after[memory]) - float(before[memory]) < 100
        assert "Traceback" not in process.log()
