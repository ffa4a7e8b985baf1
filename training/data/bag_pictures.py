"""Messages of a ROS bag, as rosbags reads them, to arrays: images, depth, a camera."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures import raw
from moa_depth_ros.pictures.calibration import (
    distorts,
    intrinsics_for,
    is_named_rectified,
    shape_warning,
)
from moa_depth_ros.pictures.encoded import decode_message
from moa_depth_ros.pictures.files import MILLIMETRES
from training.errors import DataError

IMAGE, COMPRESSED, CAMERA_INFO = (
    f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo")
)
# Encoding -> type of a reading, and how many make a metre (REP 118).
_DEPTHS = {"16UC1": ("u2", MILLIMETRES), "mono16": ("u2", MILLIMETRES), "32FC1": ("f4", 1.0)}


def colour_of(message: Any, where: str) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of an Image or a CompressedImage.

    Raises:
        DataError: beginning with ``where``.
    """
    try:
        if not hasattr(message, "encoding"):
            picture, channels = decode_message(message.data.tobytes(), message.format)
            return picture if channels == "rgb" else picture[..., ::-1]
        if message.encoding not in raw.READABLE:
            known = ", ".join(raw.READABLE)
            raise ValueError(f"expected an encoding of {known}, found {message.encoding!r}")
        picture, channels = raw.reader(message)()
        if channels == "mono":
            return np.repeat(picture[..., np.newaxis], 3, axis=-1)
        return picture[..., [channels.index(colour) for colour in "rgb"]]
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def depth_of(message: Any, where: str) -> NDArray[np.float32]:
    """(H, W) metres of an Image, 0 where there is no reading.

    Raises:
        DataError: beginning with ``where``.
    """
    try:
        if message.encoding not in _DEPTHS:
            raise ValueError(f"expected depth in {', '.join(_DEPTHS)}, found {message.encoding!r}")
        kind, a_metre = _DEPTHS[message.encoding]
        order = ">" if message.is_bigendian else "<"
        bytes_of = raw.pixels_of(message, int(kind[1]))
        depth = np.ascontiguousarray(bytes_of).view(f"{order}{kind}")[..., 0] / np.float32(a_metre)
        return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def camera_of(message: Any, image_topic: str, height: int, width: int) -> Intrinsics:
    """The pinhole of a CameraInfo for a topic's images of this size: P, or K if P is zero or the
    images show the lens's distortion, which is warned of.

    Raises:
        DataError: it has none, or is for images of another shape.
    """
    # In ROS 1, the names of the arrays are capitals.
    info = SimpleNamespace(**{name.lower(): value for name, value in vars(message).items()})
    # image_proc keeps the lens's D beside images that it has rectified.
    if distorts(info) and not is_named_rectified(image_topic.removesuffix("/compressed")):
        info.p = [0.0] * 12
        warnings.warn(
            f"{image_topic}: this lens distorts. A model trained on its images suits a node that "
            "gets them as they are, not rectified",
            stacklevel=2,
        )
    try:
        if warning := shape_warning(info, width, height):
            raise ValueError(warning)
        return intrinsics_for(info, width, height)
    except ValueError as error:
        raise DataError(f"camera of {image_topic}: {error}") from error
