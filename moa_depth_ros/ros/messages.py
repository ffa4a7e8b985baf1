"""Messages to pictures, and tensors to messages: the only file of the node that knows both."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from moa_depth_ros.depth.cloud import CloudOptions, organised_shape, pack_cloud
from moa_depth_ros.depth.readings import only_readings
from moa_depth_ros.estimator.transfer import to_host
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures import compressed_depth, encoded, raw
from moa_depth_ros.pictures.raw import PictureError
from moa_depth_ros.ros.message_data import attach, picture_message

if TYPE_CHECKING:
    from cv_bridge import CvBridge

# Their cv_bridge is built for NumPy 1. Beside NumPy 2 it can end the whole process.
NUMPY_1_DISTRIBUTIONS = ("humble", "iron", "jazzy", "kilted")
DEPTH_ENCODINGS = ("32FC1", "16UC1")
MILLIMETRES_LIMIT = 65535


def reader(msg: Image | CompressedImage) -> Callable[[], tuple[np.ndarray, str]]:
    """What reads a message's picture, after checking all that can be checked quickly.

    The checks take microseconds; the decoding of a compressed picture or of a sensor's colours
    takes milliseconds: that is left to the moment when the picture is certain to be used.

    Returns:
        A function that gives the picture, uint8 (H, W, channels) or (H, W), and the order of its
        channels: "rgb", "bgr", "rgba", "bgra" or "mono". It may raise PictureError.
    Raises:
        PictureError: the picture can't be read, and that shows already.
    """
    if isinstance(msg, CompressedImage):
        _of_encoded(encoded.check, msg)
        return lambda: read_compressed(msg)
    if msg.encoding in raw.READABLE:
        return raw.reader(msg)
    raw.check_not_empty(msg)
    bridge = _cv_bridge(msg.encoding)
    return lambda: (_through(bridge, msg), "rgb")


def read_compressed(msg: CompressedImage) -> tuple[np.ndarray, str]:
    """The picture of a JPEG or PNG message, as `encoded.decode_message` has it.

    Returns:
        uint8 (H, W, 3), and "bgr" or "rgb".
    Raises:
        PictureError: neither JPEG nor PNG, cut short, broken, or more than 100 million pixels,
            which is found before memory for them is asked for.
    """
    return _of_encoded(partial(encoded.decode_message, format=msg.format), msg)


def _of_encoded(function: Callable, msg: CompressedImage):
    try:
        return function(msg.data.tobytes())
    except ValueError as error:
        raise PictureError(f"The compressed picture ('{msg.format}') is bad: {error}.") from error


def _cv_bridge(encoding: str) -> CvBridge:
    """What may read any other encoding."""
    what = (
        f"The encoding '{encoding}' is not one of {', '.join(raw.READABLE)}. Others need cv_bridge"
    )
    distribution = os.environ.get("ROS_DISTRO")
    if distribution in NUMPY_1_DISTRIBUTIONS and np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        raise PictureError(
            f"{what}, but that of {distribution} crashes beside NumPy {np.__version__}: have the "
            "driver or image_proc publish rgb8."
        )
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # its binary breaks beside another NumPy with more than ImportError
        raise PictureError(
            f"{what} (apt: ros-$ROS_DISTRO-cv-bridge), which could not be imported: {error}"
        ) from error
    return CvBridge()


def _through(bridge: CvBridge, msg: Image) -> np.ndarray:
    """Any encoding that cv_bridge knows as uint8 RGB (H, W, 3)."""
    try:
        return bridge.imgmsg_to_cv2(msg, desired_encoding="rgb8")
    except Exception as error:  # cv_bridge and OpenCV raise whatever they like for bad pictures
        raise PictureError(
            f"cv_bridge can't turn a {msg.width}x{msg.height} picture with encoding "
            f"'{msg.encoding}' into rgb8: {error}"
        ) from error


def depth_message(header: Header, depth: torch.Tensor, encoding: str) -> Image:
    """A depth picture as REP 118 has it.

    Args:
        header: copied untouched: the colour picture's stamp and optical frame.
        depth: (H, W) float32, metres along the optical axis; NaN, infinity or <= 0 is invalid.
        encoding: "32FC1" (metres, invalid is NaN, never 0.0, which readers take as a distance) or
            "16UC1" (millimetres, invalid is 0, and so is all beyond 65.535 m).
    """
    return picture_message(header, _depth_values(depth, encoding), encoding)


def compressed_depth_message(header: Header, depth: torch.Tensor, encoding: str) -> CompressedImage:
    """The same depth picture as a PNG, for subscribers of ``compressed_depth_image_transport``.

    Args:
        header, depth, encoding: as :func:`depth_message`'s.
    """
    values = _depth_values(depth, encoding)
    msg = CompressedImage(header=header, format=f"{encoding}; compressedDepth png")
    msg.data.frombytes(compressed_depth.encode(values))
    return msg


def _depth_values(depth: torch.Tensor, encoding: str) -> np.ndarray:
    """(H, W) on the host; of a CPU's valid metres the memory itself."""
    if encoding == "32FC1":
        return only_readings(to_host(depth))
    millimetres = (depth * 1000).round()
    valid = (millimetres > 0) & (millimetres <= MILLIMETRES_LIMIT)
    # Rounded in float, then through int32: torch has few operations on uint16.
    return to_host(torch.where(valid, millimetres, 0.0).to(torch.int32).to(torch.uint16))


def uncertainty_message(header: Header, uncertainty: torch.Tensor) -> Image:
    """The standard deviation of the depth, (H, W) float32 metres, as a 32FC1 picture."""
    return picture_message(header, to_host(uncertainty), "32FC1")


def fill_cloud(
    msg: PointCloud2,
    header: Header,
    depth: torch.Tensor,
    colour: torch.Tensor,
    intrinsics: Intrinsics,
    options: CloudOptions,
) -> None:
    """A cloud in the optical frame (REP 103: x right, y down, z forward).

    x, y, z float32 metres, then B, G, R, 0 under the name ``rgb`` and the type FLOAT32, as PCL and
    RViz read it: 16 bytes a point, 12 where no colour is asked for. Organised, points without a
    valid depth NaN; with voxels unorganised (height 1), dense, valid points only.

    Args:
        msg: to be written over. Take the one that was published before: publishing copied its
            bytes, and megabytes that are in the cache already are filled in half the time.
        header: copied untouched.
        depth: (H, W) float32 metres.
        colour: (H, W, 3) uint8 RGB on the same device.
        intrinsics: of a picture of this size.
        options: what to make of it.
    """
    if options.organised:
        shape = organised_shape(depth.shape[0], depth.shape[1], options)
        out = _memory_of(msg, shape)
        packed = to_host(pack_cloud(depth, colour, intrinsics, options, out))
        if not np.may_share_memory(packed, out):  # it comes from a device
            attach(msg, packed)
    else:
        packed = to_host(pack_cloud(depth, colour, intrinsics, options))
        shape = (1, *packed.shape)
        attach(msg, packed)
    msg.header = header
    msg.height, msg.width, msg.point_step = shape
    msg.row_step = msg.point_step * msg.width
    msg.fields = [
        PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
        for name, offset in (("x", 0), ("y", 4), ("z", 8), ("rgb", 12))
        if offset < msg.point_step
    ]
    msg.is_dense = not options.organised


def _memory_of(msg: PointCloud2, shape: tuple[int, ...]) -> np.ndarray:
    """The message's data, which are made anew where they are of another size. A view of them that
    was attached in their place would keep them, and be kept by the next one: a chain of views."""
    if len(msg.data) != math.prod(shape):
        attach(msg, np.empty(shape, np.uint8))
    return np.frombuffer(msg.data, np.uint8).reshape(shape)
