"""CameraInfo messages: the intrinsics for a picture, and the CameraInfo of a depth picture."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from moa_depth_ros.intrinsics import Intrinsics, are_alike


class CameraInfoError(ValueError):
    """A CameraInfo without usable intrinsics; the text says what is wrong with it."""


def camera_info_message(header: Header, camera: Intrinsics) -> CameraInfo:
    """The CameraInfo of a rectified camera."""
    msg = CameraInfo(header=header, width=camera.width, height=camera.height)
    msg.distortion_model = "plumb_bob"
    msg.d = [0.0] * 5
    msg.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    msg.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    msg.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return msg


def intrinsics_for(info: CameraInfo, width: int, height: int) -> Intrinsics:
    """The pinhole intrinsics of a picture of width x height pixels seen by this camera.

    P (rectified pictures) where its focal length is set, else K: some drivers send P all zero. They
    belong to the sensor's full picture: what the driver cut (ROI) is taken off the principal point,
    and what it binned, or somebody resized since, scales them by the ratio of the sizes.

    Raises:
        CameraInfoError: a focal length that is zero, negative or not finite (an uncalibrated
            camera), or a principal point that is not finite.
    """
    name, (fx, fy, cx, cy) = _pinhole(info)
    left, top, sx, sy = _cut(info, width, height)
    try:
        return Intrinsics(width, height, fx * sx, fy * sy, (cx - left) * sx, (cy - top) * sy)
    except ValueError as error:
        raise CameraInfoError(
            f"CameraInfo holds no usable intrinsics (from {name}: fx={fx:g} fy={fy:g} cx={cx:g} "
            f"cy={cy:g}): is the camera calibrated?"
        ) from error


def unrectified(info: CameraInfo) -> CameraInfo:
    """The CameraInfo of pictures that show the lens's distortion, with K as the pinhole in P and no
    rotation in R: the camera's own P and R are those of the rectified picture, which may have
    another focal length. As it came where K holds none."""
    if info.k[0] == 0:
        return info
    result = copy.deepcopy(info)
    result.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    result.p = _projection(info.k)
    return result


def _projection(k: Sequence[float]) -> list[float]:
    """P of a camera that K describes whole."""
    return [*k[0:3], 0.0, *k[3:6], 0.0, *k[6:9], 0.0]


def camera_info_for(info: CameraInfo, header, width: int, height: int) -> CameraInfo:
    """The CameraInfo of a picture of width x height pixels, made from the camera's.

    K and P are shifted and scaled as in `intrinsics_for`; the result describes a whole, unbinned
    picture, so that readers need not know what happened to it. Distortion and R are kept. A P that
    the driver left zero becomes K, which `intrinsics_for` takes then: depth_image_proc and
    depthimage_to_laserscan read P alone.

    Args:
        header: the picture's, copied untouched.

    Raises:
        CameraInfoError: as `intrinsics_for`: an uncalibrated camera has no depth geometry.
    """
    intrinsics_for(info, width, height)
    result = copy.deepcopy(info)
    result.header = header
    left, top, sx, sy = _cut(info, width, height)
    for matrix, columns in ((result.k, 3), (result.p, 4)):
        for row, scale, offset in ((0, sx, left), (columns, sy, top)):
            matrix[row + 2] -= offset
            matrix[row : row + columns] *= scale
    if info.p[0] == 0:
        result.p = _projection(result.k)
    result.width, result.height = width, height
    result.binning_x = result.binning_y = 0
    result.roi = RegionOfInterest(do_rectify=info.roi.do_rectify)
    return result


def shape_warning(info: CameraInfo, width: int, height: int) -> str | None:
    """What to tell a user whose picture of width x height pixels has another shape than its
    CameraInfo, or None. image_proc may have resized it unevenly; more often a driver gives one
    calibration out at every resolution."""
    if info.binning_x > 1 or info.binning_y > 1:
        return None
    *_, full_width, full_height = _region(info, width, height)
    if are_alike(width, height, full_width, full_height):
        return None
    return (
        f"CameraInfo of {full_width}x{full_height} pixels for a picture of {width}x{height}, "
        "another shape: depth and points are off unless the picture was stretched."
    )


def _pinhole(info: CameraInfo) -> tuple[str, tuple[float, float, float, float]]:
    k, p = info.k, info.p
    if p[0] != 0:
        return "P", (float(p[0]), float(p[5]), float(p[2]), float(p[6]))
    return "K", (float(k[0]), float(k[4]), float(k[2]), float(k[5]))


def _region(info: CameraInfo, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of the sensor's pixels that the picture shows."""
    if (info.width, info.height) == (width, height) or not (info.width and info.height):
        return 0, 0, width, height  # the whole picture, or a driver that leaves the size out
    roi = info.roi
    if roi.width and roi.height:
        return roi.x_offset, roi.y_offset, roi.width, roi.height
    return 0, 0, info.width, info.height


def _cut(info: CameraInfo, width: int, height: int) -> tuple[int, int, float, float]:
    """Left and top of the sensor's pixels that the picture shows, and its pixels per sensor pixel
    along x and y: what the driver binned where it says so, else the ratio of the sizes."""
    left, top, full_width, full_height = _region(info, width, height)
    sx = _scale(width, full_width, info.binning_x)
    return left, top, sx, _scale(height, full_height, info.binning_y)


def _scale(size: int, full: int, binning: int) -> float:
    # A binned row of 1281 pixels has 640, each exactly two wide.
    return 1 / binning if binning > 1 and full // binning == size else size / full
