"""Message bytes to arrays and tensors, and back."""

import sys
import types
from array import array

import numpy as np
import pytest
import torch
from sensor_msgs.msg import Image, PointField
from std_msgs.msg import Header

from demo.messages import picture_message, read_cloud, read_depth
from moa_depth_ros.depth.cloud import CloudOptions
from moa_depth_ros.pictures.raw import (
    NATIVE_ENCODINGS,
    RAW_ENCODINGS,
    PictureError,
    read_in_place,
)
from moa_depth_ros.ros import messages
from moa_depth_ros.ros.messages import (
    depth_message,
    reader,
    uncertainty_message,
)
from test.node.harness import CAMERA, cloud_message, colourful

RGB = colourful(7, 5)
HEADER = Header(frame_id="lens")


@pytest.mark.parametrize("encoding", NATIVE_ENCODINGS)
@pytest.mark.parametrize("padding", [0, 3])
def test_native_encodings_are_read_in_place_whatever_the_step(encoding, padding):
    order, size = NATIVE_ENCODINGS[encoding]
    pixels = RGB[..., :1] if size == 1 else np.dstack([RGB, RGB])[..., :size]
    padded = np.full((5, 7 * size + padding), 255, np.uint8)
    padded[:, : 7 * size] = pixels.reshape(5, -1)
    msg = picture_message(HEADER, padded, encoding)
    msg.width = 7
    picture, channels = read_in_place(msg)
    assert channels == order
    np.testing.assert_array_equal(picture, pixels[..., 0] if size == 1 else pixels)
    assert np.shares_memory(picture, np.frombuffer(msg.data, np.uint8))
    assert not picture.flags.writeable


def read(msg):
    """The way the node does it."""
    return reader(msg)()


@pytest.mark.parametrize("encoding", RAW_ENCODINGS)
def test_a_sensors_picture_of_one_colour_is_that_colour(encoding):
    """Mosaics by the names of their first four pixels; YUV by the formulas of BT.601."""
    colour = dict(zip("rgb", (200, 100, 50), strict=True))
    if encoding.startswith("bayer"):
        cell = [colour[letter] for letter in encoding[6:10]]
        raw = np.tile(np.reshape(cell, (2, 2)), (3, 4))
    else:
        r, g, b = (value / 255 for value in colour.values())
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        y, u, v = 16 + 219 * luma, 128 + 126.4 * (b - luma), 128 + 159.7 * (r - luma)
        pair = [u, y, v, y] if encoding in ("yuv422", "uyvy") else [y, u, y, v]
        raw = np.tile(np.round(pair), (6, 4))
    padded = np.pad(np.uint8(raw), ((0, 0), (0, 5)))
    msg = picture_message(HEADER, padded, encoding)
    msg.width = 8
    picture, channels = read(msg)
    assert (picture.shape, channels) == ((6, 8, 3), "rgb")
    np.testing.assert_allclose(picture, np.broadcast_to([200, 100, 50], (6, 8, 3)), atol=2)


def test_yuv_422_of_odd_width_is_refused():
    msg = picture_message(HEADER, np.zeros((4, 6), np.uint8), "yuv422")
    msg.width = 3
    with pytest.raises(PictureError, match="yuv422 images must have an even width, found 3"):
        reader(msg)


@pytest.mark.parametrize("order", ["<", ">"])
def test_mono16_is_grey_by_its_higher_byte(order):
    grey = np.array([[0, 255, 256, 65535], [1000, 2000, 40000, 5]], f"{order}u2")
    msg = picture_message(HEADER, grey.view(np.uint8), "mono16")
    msg.width, msg.is_bigendian = 4, order == ">"
    picture, channels = read(msg)
    assert channels == "mono"
    np.testing.assert_array_equal(picture, [[0, 0, 1, 255], [3, 7, 156, 0]])


def test_the_last_row_may_lack_its_padding():
    msg = picture_message(HEADER, RGB, "rgb8")
    msg.step = 30
    msg.data.frombytes(bytes(4 * 30 + 21 - len(msg.data)))
    assert read_in_place(msg)[0].shape == (5, 7, 3)


def broken(**changes):
    msg = picture_message(HEADER, RGB, "rgb8")
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ("msg", "says"),
    [
        (broken(height=0), "empty: 7x0"),
        (broken(width=0), "empty: 0x5"),
        (broken(step=20), "step is 20 bytes.*takes 21"),
        (broken(height=6), "truncated.*takes 126 bytes, but the message has 105"),
        (broken(height=2**32 - 1, width=2**32 - 1, step=2**32 - 1), "a row of 4294967295 pixels"),
        (broken(height=2**32 - 1), "truncated"),
    ],
)
def test_a_bad_picture_says_what_is_wrong(msg, says):
    with pytest.raises(PictureError, match=says):
        read_in_place(msg)


def test_another_encoding_without_cv_bridge_names_what_there_is(monkeypatch):
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(PictureError, match=r"'nv12'.*rgb8, bgr8.*apt: ros-\$ROS_DISTRO-cv-bridge"):
        reader(broken(encoding="nv12"))
    with pytest.raises(PictureError, match="empty: 0x5"):
        reader(broken(encoding="nv12", width=0))


@pytest.mark.parametrize("distribution", ["humble", "jazzy", "kilted"])
def test_a_cv_bridge_that_would_crash_is_not_touched(monkeypatch, distribution):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(PictureError, match=f"that of {distribution} crashes with NumPy 2"):
        reader(broken(encoding="nv12"))


@pytest.mark.parametrize("works", [True, False])
def test_another_encoding_goes_through_cv_bridge(monkeypatch, works):
    class CvBridge:
        def imgmsg_to_cv2(self, msg, desired_encoding):
            assert desired_encoding == "rgb8"
            if not works:
                raise RuntimeError("[nv12] is not a color format")
            return RGB

    monkeypatch.delenv("ROS_DISTRO", raising=False)
    monkeypatch.setitem(sys.modules, "cv_bridge", types.SimpleNamespace(CvBridge=CvBridge))
    msg = broken(encoding="nv12")
    if works:
        picture, channels = read(msg)
        assert channels == "rgb"
        np.testing.assert_array_equal(picture, RGB)
    else:
        with pytest.raises(PictureError, match=r"7x5 image with encoding 'nv12'.*not a color"):
            read(msg)


BAD = [float("nan"), float("inf"), -1.0, 0.0]


def test_32fc1_is_metres_with_nan_for_invalid_and_never_zero():
    msg = depth_message(HEADER, torch.tensor([[1.5, *BAD, 70.0]]), "32FC1")
    assert (msg.header, msg.height, msg.width) == (HEADER, 1, 6)
    assert (msg.encoding, msg.step, msg.is_bigendian) == ("32FC1", 24, 0)
    np.testing.assert_array_equal(read_depth(msg), [[1.5, *[np.nan] * 4, 70.0]])


def test_16uc1_is_millimetres_with_zero_for_invalid_and_too_far():
    msg = depth_message(HEADER, torch.tensor([[1.2345, *BAD, 65.535, 65.6]]), "16UC1")
    assert (msg.encoding, msg.step) == ("16UC1", 14)
    np.testing.assert_array_equal(read_depth(msg), [[1234, 0, 0, 0, 0, 65535, 0]])


def test_uncertainty_is_32fc1():
    msg = uncertainty_message(HEADER, torch.tensor([[0.25, 0.5]]))
    assert msg.encoding == "32FC1"
    np.testing.assert_array_equal(read_depth(msg), [[0.25, 0.5]])


def test_a_cloud_is_organised_and_takes_sixteen_bytes_a_point():
    depth = torch.full((CAMERA.height, CAMERA.width), 2.0)
    depth[3, 4] = torch.nan
    picture = colourful()
    msg = cloud_message(HEADER, depth, torch.from_numpy(picture), CAMERA, CloudOptions())
    assert (msg.height, msg.width, msg.point_step, msg.row_step) == (64, 96, 16, 16 * 96)
    assert len(msg.data) == 64 * 96 * 16
    assert (msg.is_dense, msg.is_bigendian) == (False, False)
    fields = [(f.name, f.offset, f.datatype, f.count) for f in msg.fields]
    offsets = {"x": 0, "y": 4, "z": 8, "rgb": 12}
    assert fields == [(name, at, PointField.FLOAT32, 1) for name, at in offsets.items()]
    points, colours = read_cloud(msg)
    np.testing.assert_array_equal(colours, picture)
    assert np.isnan(points[3, 4]).all()
    assert np.isnan(points).sum() == 3
    # A point to the right of and below the principal point has positive x and y (REP 103).
    np.testing.assert_allclose(points[50, 90], [42.5 * 2 / 80, 19.5 * 2 / 81, 2.0], rtol=1e-6)


def test_a_cloud_reads_back_with_sensor_msgs_py():
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    depth = torch.arange(1.0, 1 + 64 * 96).reshape(64, 96)
    msg = cloud_message(HEADER, depth, torch.from_numpy(colourful()), CAMERA, CloudOptions())
    read = point_cloud2.read_points(msg, field_names=["x", "y", "z"], skip_nans=False)
    points, _ = read_cloud(msg)
    for axis, name in enumerate("xyz"):
        np.testing.assert_array_equal(read[name].reshape(64, 96), points[..., axis])


def test_messages_can_be_sent(ros):
    from rclpy.serialization import deserialize_message, serialize_message

    msg = depth_message(HEADER, torch.ones(2, 3), "32FC1")
    assert deserialize_message(serialize_message(msg), Image) == msg


class OtherImage:
    """A message of a hypothetical distribution that keeps its data elsewhere."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


def test_a_message_that_keeps_its_data_elsewhere_gets_a_copy(monkeypatch):
    monkeypatch.setattr(messages, "Image", OtherImage)
    msg = depth_message(HEADER, torch.tensor([[1.5, 2.0]]), "32FC1")
    assert msg.data == array("B", np.float32([1.5, 2.0]).tobytes())


def test_16uc1_is_rounded():
    msg = depth_message(Header(), torch.tensor([[1.2346, 1.2344, 0.0006]]), "16UC1")
    np.testing.assert_array_equal(read_depth(msg), [[1235, 1234, 1]])
