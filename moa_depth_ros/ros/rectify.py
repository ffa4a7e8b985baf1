"""Distorted cameras: their images rectified, or a warning that they are not."""

from __future__ import annotations

import copy
from typing import NamedTuple

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo

from moa_depth_ros.pictures.calibration import (
    FISHEYE_MODELS,
    CameraInfoError,
    distorts,
    intrinsics_for,
    is_named_rectified,
)
from moa_depth_ros.ros.camera_info import camera_info_for, rectified

# Distortion models of sensor_msgs and how many coefficients OpenCV takes for each.
_PINHOLE_MODELS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14)}
_MODELS = {**_PINHOLE_MODELS, **dict.fromkeys(FISHEYE_MODELS, (4,))}
_WIDEST = 10.0  # tangent of 84 degrees: the polynomials are for narrower lenses


class Rectified(NamedTuple):
    """An image as an ideal pinhole camera takes it, or is assumed to.

    Attributes:
        picture: uint8, of the same shape as the input.
        info: its CameraInfo: K and P alike, no distortion, R the identity; the camera's own for an
            image that was left unchanged, None if none arrived.
        unseen: (H, W) bool, True where the camera saw nothing (the image is black there); None:
            nowhere.
    """

    picture: np.ndarray
    info: CameraInfo | None
    unseen: np.ndarray | None


class Rectifier:
    """Undistorts images, like image_proc: K, D and R lead to P, or to K if the driver left P zero.
    The map is made when CameraInfo or the image size changes."""

    def __init__(self) -> None:
        self._made_for: tuple | None = None
        self._map: _Map | None = None

    def rectify(self, picture: np.ndarray, info: CameraInfo) -> Rectified:
        """Rectify an image, uint8 (H, W) or (H, W, channels).

        Raises:
            CameraInfoError: no map can be made from it; the text says why.
        """
        height, width = picture.shape[:2]
        made_for = (width, height, *_geometry(info))
        if self._map is None or self._made_for != made_for:
            self._map, self._made_for = _Map(info, width, height), made_for
        return self._map.apply(picture)


class _Map:
    """Where each pixel of the rectified image comes from."""

    def __init__(self, info: CameraInfo, width: int, height: int) -> None:
        here = camera_info_for(info, info.header, width, height)
        camera, rotation, target = _matrices(here)
        lens, fisheye = _lens(here)
        self.info = _ideal(here, target)
        self.steps: tuple[np.ndarray, np.ndarray] | None = None
        self.unseen: np.ndarray | None = None
        bends = fisheye or lens.any()
        if not bends and np.array_equal(camera, target) and _is_identity(rotation):
            return  # rectified already: nothing to do
        make = cv2.fisheye.initUndistortRectifyMap if fisheye else cv2.initUndistortRectifyMap
        x, y = make(camera, lens, rotation, target, (width, height), cv2.CV_32FC1)
        seen = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        turning_point = _turning_angle(lens) if fisheye else _turning_point(lens)
        seen &= _radii(target, rotation, width, height) < turning_point
        if not seen.any():
            raise CameraInfoError(
                "the lens sees nothing of the rectified image that K, D, R = "
                f"{rotation.tolist()} and P = {target.tolist()} describe."
            )
        self.unseen = None if seen.all() else ~seen
        self.steps = cv2.convertMaps(x, y, cv2.CV_16SC2)

    def apply(self, picture: np.ndarray) -> Rectified:
        if self.steps is not None:
            picture = cv2.remap(picture, *self.steps, cv2.INTER_LINEAR)
        return Rectified(picture, self.info, self.unseen)


def distortion_warning(info: CameraInfo, image_topic: str, rectifying: bool) -> str | None:
    """What to tell a user whose images come from a distorting lens and are not rectified, or are
    rectified twice; or None."""
    rectified_already = is_named_rectified(image_topic)
    if not distorts(info) or rectifying != rectified_already:
        return None
    if rectified_already:
        return (
            f"{image_topic} is already rectified, judging by its name, and rectify does it again: "
            "set rectify:=false, or use the raw topic."
        )
    namespace = image_topic.rpartition("/")[0]
    return (
        f"{image_topic} comes from a lens with distortion ({info.distortion_model}): depth and "
        "points will be off towards the corners. Use the rectified topic instead "
        f"({namespace}/image_rect_color or image_rect, from image_proc), or start this node with "
        "rectify:=true."
    )


def _geometry(info: CameraInfo) -> tuple:
    roi = info.roi
    return (
        *(info.width, info.height, info.binning_x, info.binning_y),
        *(roi.x_offset, roi.y_offset, roi.width, roi.height),
        info.distortion_model,
        *(bytes(np.asarray(values)) for values in (info.k, info.d, info.r, info.p)),
    )


def _matrices(info: CameraInfo) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """K, R and the rectified camera, each 3 x 3: only the pinholes, as in `intrinsics_for`, because
    some drivers fill in nothing else."""
    camera = _matrix(info.k[0], info.k[4], info.k[2], info.k[5])
    rotation = np.array(info.r, float).reshape(3, 3)
    if not (np.isfinite(camera).all() and camera[0, 0] > 0 and camera[1, 1] > 0):
        raise CameraInfoError(f"no image can be rectified with K = {camera.tolist()}.")
    if not np.isfinite(rotation).all():
        raise CameraInfoError(f"no image can be rectified with R = {rotation.tolist()}.")
    ideal = intrinsics_for(info, info.width, info.height)
    target = _matrix(ideal.fx, ideal.fy, ideal.cx, ideal.cy)
    return camera, rotation if rotation.any() else np.eye(3), target


def _matrix(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _lens(info: CameraInfo) -> tuple[np.ndarray, bool]:
    """The distortion coefficients, and whether the lens is a fisheye, which bends even without
    any."""
    lens, fisheye = np.array(info.d, float), info.distortion_model in FISHEYE_MODELS
    if not lens.any():
        return np.zeros(4), fisheye
    expected = _MODELS.get(info.distortion_model)
    if expected is None:
        raise CameraInfoError(
            f"the distortion model '{info.distortion_model}' is not one of {', '.join(_MODELS)}."
        )
    if len(lens) not in expected or not np.isfinite(lens).all():
        raise CameraInfoError(
            f"the distortion model {info.distortion_model} takes "
            f"{' or '.join(map(str, expected))} finite numbers in D, found {lens.tolist()}."
        )
    return lens, fisheye


def _radii(target: np.ndarray, rotation: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W) tangents of the angle between each rectified pixel's ray and the raw camera's axis;
    infinite behind the camera."""
    v, u = np.mgrid[0:height, 0:width]
    pixels = np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
    x, y, z = rotation.T @ np.linalg.inv(target) @ pixels
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(z > 0, np.hypot(x, y) / z, np.inf).reshape(height, width)


def _turning_point(lens: np.ndarray) -> float:
    """The radius at which OpenCV's plumb_bob or rational_polynomial turns back: beyond it, the
    polynomial leads back into the image, which no lens does. Infinite if it never turns."""
    k1, k2, _, _, k3, k4, k5, k6 = np.pad(lens, (0, 8))[:8]
    r = np.linspace(0, _WIDEST, 10_001)
    above = 1 + r**2 * (k1 + r**2 * (k2 + r**2 * k3))
    below = 1 + r**2 * (k4 + r**2 * (k5 + r**2 * k6))
    with np.errstate(divide="ignore", invalid="ignore"):
        turned = (np.diff(r * above / below) <= 0) | (below[1:] <= 0)
    return float(r[np.argmax(turned)]) if turned.any() else np.inf


def _turning_angle(lens: np.ndarray) -> float:
    """The same for OpenCV's fisheye, whose polynomial is in the angle: the angle's tangent."""
    k1, k2, k3, k4 = np.pad(lens, (0, 4))[:4]
    angle = np.linspace(0, np.pi / 2, 10_001)
    square = angle**2
    bent = angle * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
    turned = np.diff(bent) <= 0
    return float(np.tan(angle[np.argmax(turned)])) if turned.any() else np.inf


def _ideal(info: CameraInfo, target: np.ndarray) -> CameraInfo:
    """The CameraInfo of the rectified image, made from the raw one's."""
    result = copy.deepcopy(info)
    result.p = np.hstack([target, np.reshape(info.p, (3, 4))[:, 3:]]).ravel()
    return rectified(result)


def _is_identity(rotation: np.ndarray) -> bool:
    return np.allclose(rotation, np.eye(3), rtol=0, atol=1e-9)
