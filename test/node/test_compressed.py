"""Compressed images."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from demo.messages import read_cloud
from moa_depth_ros.pictures.raw import RAW_ENCODINGS, PictureError, develop
from moa_depth_ros.ros.messages import read_compressed, reader
from test.node.harness import NodeProcess, Robot, colourful

PICTURE = colourful()
TOPIC = "/front/image/compressed"


def compressed(kind=".jpg", header=None, end=None):
    data = cv2.imencode(kind, PICTURE[..., ::-1])[1].tobytes()[:end]
    msg = CompressedImage(header=header or Header(), format=f"rgb8; {kind} compressed bgr8")
    msg.data.frombytes(data)
    return msg


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_compressed_picture_is_read_blue_first(kind):
    for picture, channels in (reader(compressed(kind))(), read_compressed(compressed(kind))):
        assert channels == "bgr"
        assert picture.shape == PICTURE.shape
        error = np.abs(picture[..., ::-1].astype(int) - PICTURE)
        assert np.median(error) <= (4 if kind == ".jpg" else 0)


@pytest.mark.parametrize("encoding", [name for name in RAW_ENCODINGS if "bayer" in name])
def test_a_mosaic_is_developed(encoding):
    """image_transport compresses it unchanged, grey; an image developed beforehand is not grey."""
    mosaic = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    msg = CompressedImage(format=f"{encoding}; png compressed ")
    msg.data.frombytes(cv2.imencode(".png", mosaic)[1].tobytes())
    picture, channels = read_compressed(msg)
    assert channels == "rgb"
    np.testing.assert_array_equal(picture, develop(mosaic, encoding))
    developed = compressed(".png")
    developed.format = f"{encoding}; png compressed bgr8"
    np.testing.assert_array_equal(read_compressed(developed)[0], PICTURE[..., ::-1])


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_cut_picture_is_refused_before_it_is_decoded(kind):
    with pytest.raises(
        PictureError, match=r"cannot be read: a (JPEG|PNG) file truncated after 200 bytes"
    ):
        reader(compressed(kind, end=200))


def test_other_data_is_refused():
    msg = CompressedImage(format="h264")
    msg.data.frombytes(bytes([0, 0, 0, 1, 103]))
    with pytest.raises(PictureError, match=r"\('h264'\) cannot be read: neither .*00 00 00 01"):
        reader(msg)


def test_a_picture_that_fails_only_when_decoded_is_refused_then():
    msg = compressed(".png")
    msg.data[33:41] = msg.data[33:41][::-1]
    read = reader(msg)
    with pytest.raises(PictureError, match="OpenCV can't decode it"):
        read()


def test_the_node_takes_compressed_pictures(ros, tiny_model):
    remapped = ["-r", "image:=/front/image", "-r", "__ns:=/front"]
    options = [*remapped, "-p", "image_transport:=compressed"]
    topics = {"image": TOPIC, "info": "/front/camera_info", "node": "/front/moa_depth"}
    with (
        NodeProcess(tiny_model, *options) as process,
        Robot(**topics, kind=CompressedImage) as robot,
    ):
        robot.send_info()
        stamp = robot.send(compressed(".png", robot.header("lens")))
        points = robot.answer("points", stamp)
        assert (points.header.frame_id, points.width, points.height) == ("lens", 96, 64)
        np.testing.assert_array_equal(read_cloud(points)[1], PICTURE)
        robot.send(compressed(".jpg", robot.header(), end=300))
        robot.until(lambda: "truncated after 300 bytes" in process.log(), "the complaint")
        robot.answer("depth", robot.send(compressed(".jpg", robot.header())))
        _, values = robot.status()
        assert values["last error"].startswith(f"{TOPIC}: The compressed image")
        assert values["frames refused"] == "1"
        assert float(values["reading median (ms)"]) > 0
        assert "Traceback" not in process.log()


def test_the_compressed_topic_itself_can_be_remapped(ros, tiny_model):
    """The way users of image_transport do it; camera_info is then beside those images."""
    topic = "/thin/image_raw/compressed"
    remapped = ["-r", f"image/compressed:={topic}", "-r", "__ns:=/thin_lines"]
    topics = {"image": topic, "info": "/thin/camera_info", "node": "/thin_lines/moa_depth"}
    with (
        NodeProcess(tiny_model, *remapped, "-p", "image_transport:=compressed") as process,
        Robot(**topics, kind=CompressedImage) as robot,
    ):
        assert f"images from {topic}, camera_info from /thin/camera_info" in process.log()
        robot.send_info()
        robot.answer("points", robot.send(compressed(".jpg", robot.header())))


def test_a_mosaic_of_sixteen_bits_is_read_as_grey():
    mosaic = np.random.default_rng(0).integers(0, 2**16, (48, 64), dtype=np.uint16)
    msg = CompressedImage(format="bayer_rggb16; png compressed ")
    msg.data.frombytes(cv2.imencode(".png", mosaic)[1].tobytes())
    picture, channels = read_compressed(msg)
    assert (picture.shape, channels) == ((48, 64, 3), "bgr")
