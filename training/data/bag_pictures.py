"""Messages of a ROS bag, as rosbags reads them, to arrays: pictures, depth, a camera."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.calibration import (
    distorts,
    intrinsics_for,
    is_named_rectified,
    shape_warning,
)
from moa_depth_ros.pictures.encoded import decode_message
from moa_depth_ros.pictures.files import MILLIMETRES
from moa_depth_ros.pictures.raw import NATIVE_ENCODINGS, RAW_ENCODINGS, develop
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
        if message.encoding in RAW_ENCODINGS:
            size = RAW_ENCODINGS[message.encoding][1]
            return develop(np.ascontiguousarray(_pixels(message, size)), message.encoding)
        if message.encoding not in NATIVE_ENCODINGS:
            known = ", ".join((*NATIVE_ENCODINGS, *RAW_ENCODINGS))
            raise ValueError(f"expected an encoding of {known}, found {message.encoding!r}")
        channels, size = NATIVE_ENCODINGS[message.encoding]
        order = [0, 0, 0] if channels == "mono" else [channels.index(colour) for colour in "rgb"]
        return _pixels(message, size)[..., order]
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
        bytes_of = _pixels(message, int(kind[1]))
        depth = np.ascontiguousarray(bytes_of).view(f"{order}{kind}")[..., 0] / np.float32(a_metre)
        return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def camera_of(message: Any, image_topic: str, height: int, width: int) -> Intrinsics:
    """The pinhole of a CameraInfo for a topic's pictures of this size: P, or K where P is zero or
    the pictures are as a distorting lens makes them, which is warned of.

    Raises:
        DataError: it has none, or is of pictures of another shape.
    """
    # ROS 1 has the names of the arrays in capitals.
    info = SimpleNamespace(**{name.lower(): value for name, value in vars(message).items()})
    # image_proc leaves the lens's D beside the pictures that it rectified.
    if distorts(info) and not is_named_rectified(image_topic.removesuffix("/compressed")):
        info.p = [0.0] * 12
        warnings.warn(
            f"{image_topic}: this lens distorts. What learns from its pictures fits the node that "
            "gets them, not rectified ones",
            stacklevel=2,
        )
    try:
        if warning := shape_warning(info, width, height):
            raise ValueError(warning)
        return intrinsics_for(info, width, height)
    except ValueError as error:
        raise DataError(f"camera of {image_topic}: {error}") from error


def _pixels(message: Any, size: int) -> NDArray[np.uint8]:
    """(H, W, size) bytes."""
    rows = message.data[: message.height * message.step].reshape(message.height, message.step)
    return rows[:, : message.width * size].reshape(message.height, message.width, size)
