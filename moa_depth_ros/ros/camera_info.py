"""Makes CameraInfo messages: a camera's, and those of its depth images."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.calibration import FISHEYE_MODELS, cut, distorts, intrinsics_for

_NO_ROTATION = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def camera_info_message(header: Header, camera: Intrinsics) -> CameraInfo:
    """The CameraInfo of a rectified camera."""
    msg = CameraInfo(header=header, width=camera.width, height=camera.height)
    msg.distortion_model = "plumb_bob"
    msg.d = [0.0] * 5
    msg.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    msg.r = _NO_ROTATION
    msg.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return msg


def unrectified(info: CameraInfo) -> CameraInfo:
    """The CameraInfo of images that show the lens's distortion, with K as the pinhole in P and no
    rotation in R: the camera's own P and R describe the rectified image, which may have another
    focal length. Returned unchanged if K is not set."""
    if info.k[0] == 0:
        return info
    result = copy.deepcopy(info)
    result.r = _NO_ROTATION
    result.p = _projection(info.k)
    return result


def rectified(info: CameraInfo) -> CameraInfo:
    """The CameraInfo of rectified images, with P in K, no distortion and no rotation. The one
    published beside them may still be the raw image's, with which depthimage_to_laserscan would
    rectify once more."""
    result = copy.deepcopy(info)
    if info.p[0] == 0:
        result.p = _projection(info.k)
    result.k = [*result.p[0:3], *result.p[4:7], *result.p[8:11]]
    result.r = _NO_ROTATION
    result.distortion_model, result.d = "plumb_bob", [0.0] * 5
    return result


def camera_info_for(info: CameraInfo, header, width: int, height: int) -> CameraInfo:
    """The CameraInfo of an image of width x height pixels, made from the camera's.

    K and P are shifted and scaled as in `intrinsics_for`; the result describes a whole, unbinned
    image, so that readers need not know of cropping or binning. Distortion and R are kept. A P that
    the driver left zero becomes K, which `intrinsics_for` then uses: depth_image_proc and
    depthimage_to_laserscan read only P. The latter refuses a distortion model that has no name or
    is not one of sensor_msgs'.

    Args:
        header: the image's, copied unchanged.

    Raises:
        CameraInfoError: as `intrinsics_for`: an uncalibrated camera has no depth geometry.
    """
    intrinsics_for(info, width, height)
    result = copy.deepcopy(info)
    result.header = header
    left, top, sx, sy = cut(info, width, height)
    for matrix, columns in ((result.k, 3), (result.p, 4)):
        for row, scale, offset in ((0, sx, left), (columns, sy, top)):
            matrix[row + 2] -= offset
            matrix[row : row + columns] *= scale
    if info.p[0] == 0:
        result.p = _projection(result.k)
    result.width, result.height = width, height
    result.binning_x = result.binning_y = 0
    result.roi = RegionOfInterest(do_rectify=info.roi.do_rectify)
    if not distorts(info):
        result.distortion_model, result.d = "plumb_bob", [0.0] * 5
    elif info.distortion_model in FISHEYE_MODELS:
        result.distortion_model = FISHEYE_MODELS[0]
    return result


def _projection(k: Sequence[float]) -> list[float]:
    """P of a camera that K describes completely."""
    return [*k[0:3], 0.0, *k[3:6], 0.0, *k[6:9], 0.0]
