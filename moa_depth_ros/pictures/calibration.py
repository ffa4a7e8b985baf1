"""The pinhole camera of a CameraInfo, whichever library read it, rclpy or rosbags. No ROS in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from moa_depth_ros.intrinsics import Intrinsics, are_alike

# "fisheye" is what some drivers write instead of sensor_msgs' name.
FISHEYE_MODELS = ("equidistant", "fisheye")
_RECTIFIED = re.compile(r"(^|[/_])(rect(ified)?|undistorted)([/_]|$)")


class Region(Protocol):
    """sensor_msgs/RegionOfInterest: what the driver cut out of the sensor's image."""

    x_offset: int
    y_offset: int
    width: int
    height: int


class Calibration(Protocol):
    """The fields of sensor_msgs/CameraInfo that are read here."""

    width: int
    height: int
    binning_x: int
    binning_y: int
    roi: Region
    distortion_model: str
    d: Sequence[float]
    k: Sequence[float]
    p: Sequence[float]


class CameraInfoError(ValueError):
    """A CameraInfo without usable intrinsics; the text says what is wrong with it."""


def intrinsics_for(info: Calibration, width: int, height: int) -> Intrinsics:
    """The pinhole intrinsics of an image of width x height pixels seen by this camera.

    They are :func:`pinhole`'s, which belong to the sensor's full image: the offset of the ROI is
    subtracted from the principal point, and binning, or resizing since then, scales them by the
    ratio of the sizes.

    Raises:
        CameraInfoError: a focal length that is zero, negative or not finite (an uncalibrated
            camera), or a principal point that is not finite.
    """
    name, (fx, fy, cx, cy) = pinhole(info)
    left, top, sx, sy = cut(info, width, height)
    try:
        return Intrinsics(width, height, fx * sx, fy * sy, (cx - left) * sx, (cy - top) * sy)
    except ValueError as error:
        raise CameraInfoError(
            f"CameraInfo has no usable intrinsics (from {name}: fx={fx:g} fy={fy:g} cx={cx:g} "
            f"cy={cy:g}): is the camera calibrated?"
        ) from error


def shape_warning(info: Calibration, width: int, height: int) -> str | None:
    """What to tell a user whose image of width x height pixels has another aspect ratio than its
    CameraInfo, or None. image_proc may have resized it unevenly; more often, a driver sends one
    calibration at every resolution."""
    if info.binning_x > 1 or info.binning_y > 1:
        return None
    *_, full_width, full_height = _region(info, width, height)
    if are_alike(width, height, full_width, full_height):
        return None
    return (
        f"CameraInfo is for {full_width}x{full_height} pixels, but the image has {width}x{height}, "
        "another aspect ratio: depth and points are off unless the image was stretched."
    )


def cut(info: Calibration, width: int, height: int) -> tuple[int, int, float, float]:
    """Left and top of the sensor's pixels that the image shows, and image pixels per sensor pixel
    along x and y: from the binning if the driver states it, else from the ratio of the sizes."""
    left, top, full_width, full_height = _region(info, width, height)
    sx = _scale(width, full_width, info.binning_x)
    return left, top, sx, _scale(height, full_height, info.binning_y)


def pinhole(info: Calibration) -> tuple[str, tuple[float, float, float, float]]:
    """``P`` or ``K``, whichever counts, and its fx, fy, cx, cy: P (rectified images) if its focal
    length is set, else K, because some drivers send P all zero."""
    k, p = info.k, info.p
    if any(p[:1]):
        return "P", (float(p[0]), float(p[5]), float(p[2]), float(p[6]))
    return "K", (float(k[0]), float(k[4]), float(k[2]), float(k[5]))


def distorts(info: Calibration) -> bool:
    """Whether the lens is not a pinhole."""
    return any(info.d) or info.distortion_model in FISHEYE_MODELS


def is_named_rectified(image_topic: str) -> bool:
    """Whether the topic's name contains ``rect``, ``rectified`` or ``undistorted``, as in
    ``image_rect_color`` and ``rgb/color/rect/image``: image_proc publishes the former beside the
    driver's CameraInfo, whose D is that of the raw image."""
    return _RECTIFIED.search(image_topic) is not None


def _region(info: Calibration, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of the sensor's pixels that the image shows."""
    if (info.width, info.height) == (width, height) or not (info.width and info.height):
        return 0, 0, width, height  # the whole image, or a driver that leaves the size out
    roi = info.roi
    if roi.width and roi.height:
        return roi.x_offset, roi.y_offset, roi.width, roi.height
    return 0, 0, info.width, info.height


def _scale(size: int, full: int, binning: int) -> float:
    # A binned row of 1281 pixels has 640, each exactly two pixels wide.
    return 1 / binning if binning > 1 and full // binning == size else size / full
