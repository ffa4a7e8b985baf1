"""Where the camera stands and what it sees of the walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Radians; half the horizontal view that rooms are furnished for (a Kinect's is 0.552).
HALF_VIEW = 0.55
RAYS = 25  # across the view, to find the walls in it
Size = tuple[float, float, float]
"""Of a room: width, length, height, metres."""


@dataclass(frozen=True)
class CameraPose:
    """Where a camera stands and looks.

    Attributes:
        position: (3,) metres.
        yaw: about the vertical, from the x axis, radians.
        pitch: up, radians.
        roll: clockwise as the camera sees it, radians.
    """

    position: NDArray[np.float64]
    yaw: float
    pitch: float
    roll: float

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3), camera to world; columns: x right, y down, z along the optical axis."""
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        forward = np.array([cy * cp, sy * cp, sp])
        right = np.array([sy, -cy, 0.0])
        down = np.cross(forward, right)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        return np.stack([cr * right + sr * down, cr * down - sr * right, forward], axis=1)


def sample_pose(rng: np.random.Generator, size: Size) -> CameraPose:
    """A camera 0.3-0.8 m from a wall that looks across the room, at the height of a robot's mast.

    Args:
        rng: decides everything.
        size: of the room, metres.

    Returns:
        A pose 0.9-1.5 m high, pitched by -25 to 2 degrees and rolled by at most 2.
    """
    width, length, _ = size
    for _ in range(50):
        x, y = _near_border(rng, width, length)
        target = np.array([rng.uniform(0.25, 0.75) * width, rng.uniform(0.25, 0.75) * length])
        if np.hypot(target[0] - x, target[1] - y) > 0.3 * min(width, length):
            yaw = np.arctan2(target[1] - y, target[0] - x) + rng.normal(0, 0.12)
            if nearest_wall(x, y, yaw, size) > 0.8:
                break
    height = rng.uniform(0.9, 1.5)
    pitch = np.deg2rad(rng.uniform(-25.0, 2.0))
    return CameraPose(
        np.array([x, y, height]), float(yaw), float(pitch), float(np.deg2rad(rng.uniform(-2, 2)))
    )


def _near_border(rng: np.random.Generator, width: float, length: float) -> tuple[float, float]:
    across = rng.uniform(0.3, 0.8)
    along = rng.uniform(0.4, 1.0) if rng.random() < 0.5 else rng.uniform(1.0, max(width, length))
    if rng.random() < width / (width + length):
        x, y = min(along, width - 0.4), across
    else:
        x, y = across, min(along, length - 0.4)
    if rng.random() < 0.5:
        x = width - x
    if rng.random() < 0.5:
        y = length - y
    return float(x), float(y)


def wall_hits(
    x: float, y: float, yaw: float, size: Size
) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Which walls a camera sees, along RAYS level rays across HALF_VIEW to either side.

    Args:
        x, y: of the camera, metres.
        yaw: of the camera, radians.
        size: of the room, metres.

    Returns:
        (RAYS,) each: the wall 0..3 (y = 0, x = width, y = length, x = 0), the place along it and
        the depth, metres.
    """
    angle = yaw + np.linspace(-HALF_VIEW, HALF_VIEW, RAYS)
    dx, dy = np.cos(angle), np.sin(angle)
    dx, dy = np.where(np.abs(dx) < 1e-9, 1e-9, dx), np.where(np.abs(dy) < 1e-9, 1e-9, dy)
    tx = np.where(dx > 0, size[0] - x, -x) / dx
    ty = np.where(dy > 0, size[1] - y, -y) / dy
    t = np.minimum(tx, ty)
    wall = np.where(tx < ty, np.where(dx > 0, 1, 3), np.where(dy > 0, 2, 0))
    along = np.where(tx < ty, y + t * dy, x + t * dx)
    return wall, along, t * np.cos(angle - yaw)


def nearest_wall(x: float, y: float, yaw: float, size: Size) -> float:
    """The smallest depth of a wall across the view, metres; arguments as of `wall_hits`."""
    return float(wall_hits(x, y, yaw, size)[2].min())
