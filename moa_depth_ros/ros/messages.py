"""Messages to images, and tensors to messages: the only file of the node that knows both."""

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

# Their cv_bridge is built for NumPy 1; with NumPy 2 it can crash the whole process.
NUMPY_1_DISTRIBUTIONS = ("humble", "iron", "jazzy", "kilted")
DEPTH_ENCODINGS = ("32FC1", "16UC1")
MILLIMETRES_LIMIT = 65535


def reader(msg: Image | CompressedImage) -> Callable[[], tuple[np.ndarray, str]]:
    """Returns a function that reads a message's image, after all quick checks.

    The checks take microseconds. Decoding a compressed image or developing a sensor's colours takes
    milliseconds, and is left until the image is certain to be used.

    Returns:
        A function that returns the image, uint8 (H, W, channels) or (H, W), and the order of its
        channels: "rgb", "bgr", "rgba", "bgra" or "mono". It may raise PictureError.
    Raises:
        PictureError: the checks show that the image can't be read.
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
    """The image of a JPEG or PNG message; see `encoded.decode_message`.

    Returns:
        uint8 (H, W, 3), and "bgr" or "rgb".
    Raises:
        PictureError: neither JPEG nor PNG, truncated, damaged, or more than 100 million pixels,
            which is found before memory is allocated for them.
    """
    return _of_encoded(partial(encoded.decode_message, format=msg.format), msg)


def _of_encoded(function: Callable, msg: CompressedImage):
    try:
        return function(msg.data.tobytes())
    except ValueError as error:
        raise PictureError(
            f"The compressed image ('{msg.format}') cannot be read: {error}."
        ) from error


def _cv_bridge(encoding: str) -> CvBridge:
    """A reader for any other encoding."""
    what = (
        f"The encoding '{encoding}' is not one of {', '.join(raw.READABLE)}. Others need cv_bridge"
    )
    distribution = os.environ.get("ROS_DISTRO")
    if distribution in NUMPY_1_DISTRIBUTIONS and np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        raise PictureError(
            f"{what}, but that of {distribution} crashes with NumPy {np.__version__}: let the "
            "driver or image_proc publish rgb8."
        )
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # with another NumPy, its binary raises more than ImportError
        raise PictureError(
            f"{what} (apt: ros-$ROS_DISTRO-cv-bridge), which could not be imported: {error}"
        ) from error
    return CvBridge()


def _through(bridge: CvBridge, msg: Image) -> np.ndarray:
    """An image in any encoding that cv_bridge knows, as uint8 RGB (H, W, 3)."""
    try:
        return bridge.imgmsg_to_cv2(msg, desired_encoding="rgb8")
    except Exception as error:  # cv_bridge and OpenCV raise all kinds of errors for bad images
        raise PictureError(
            f"cv_bridge cannot convert a {msg.width}x{msg.height} image with encoding "
            f"'{msg.encoding}' to rgb8: {error}"
        ) from error


def depth_message(header: Header, depth: torch.Tensor, encoding: str) -> Image:
    """A depth image according to REP 118.

    Args:
        header: copied unchanged: the colour image's stamp and optical frame.
        depth: (H, W) float32, metres along the optical axis; NaN, infinity or <= 0 is invalid.
        encoding: "32FC1" (metres, invalid is NaN, never 0.0, which readers take as a distance) or
            "16UC1" (millimetres, invalid is 0, and so is everything beyond 65.535 m).
    """
    return picture_message(header, _depth_values(depth, encoding), encoding)


def compressed_depth_message(header: Header, depth: torch.Tensor, encoding: str) -> CompressedImage:
    """The same depth image as a PNG, for subscribers of ``compressed_depth_image_transport``.

    Args:
        header, depth, encoding: as in :func:`depth_message`.
    """
    values = _depth_values(depth, encoding)
    msg = CompressedImage(header=header, format=f"{encoding}; compressedDepth png")
    msg.data.frombytes(compressed_depth.encode(values))
    return msg


def _depth_values(depth: torch.Tensor, encoding: str) -> np.ndarray:
    """(H, W) on the host; for valid metres on a CPU, the same memory."""
    if encoding == "32FC1":
        return only_readings(to_host(depth))
    millimetres = (depth * 1000).round()
    valid = (millimetres > 0) & (millimetres <= MILLIMETRES_LIMIT)
    # Rounded in float, then through int32: torch has few operations on uint16.
    return to_host(torch.where(valid, millimetres, 0.0).to(torch.int32).to(torch.uint16))


def uncertainty_message(header: Header, uncertainty: torch.Tensor) -> Image:
    """The standard deviation of the depth, (H, W) float32 metres, as a 32FC1 image."""
    return picture_message(header, to_host(uncertainty), "32FC1")


def fill_cloud(
    msg: PointCloud2,
    header: Header,
    depth: torch.Tensor,
    colour: torch.Tensor,
    intrinsics: Intrinsics,
    options: CloudOptions,
) -> None:
    """Fill in a cloud in the optical frame (REP 103: x right, y down, z forward).

    x, y, z float32 metres, then B, G, R, 0 under the name ``rgb`` and the type FLOAT32, as PCL and
    RViz read it: 16 bytes per point, or 12 without colour. Organised, with NaN for points without
    valid depth; with voxels unorganised (height 1) and dense, valid points only.

    Args:
        msg: overwritten. Pass the one that was published before: publishing copied its bytes, and
            filling megabytes that are in the cache already takes half the time.
        header: copied unchanged.
        depth: (H, W) float32 metres.
        colour: (H, W, 3) uint8 RGB on the same device.
        intrinsics: of an image of this size.
        options: of the cloud.
    """
    if options.organised:
        shape = organised_shape(depth.shape[0], depth.shape[1], options)
        out = _memory_of(msg, shape)
        packed = to_host(pack_cloud(depth, colour, intrinsics, options, out))
        if not np.may_share_memory(packed, out):  # it was made on a device
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
    """The message's data, made anew if the size differs. Attaching a view of it in its place would
    keep it, and be kept by the next view: a chain of views."""
    if len(msg.data) != math.prod(shape):
        attach(msg, np.empty(shape, np.uint8))
    return np.frombuffer(msg.data, np.uint8).reshape(shape)
