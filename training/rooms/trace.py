"""Rays against boxes: which box, or wall, each pixel sees, and how far it is along the optical
axis.

A ray is written with a depth of one along the optical axis, so that its parameter is the depth in
metres.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.intrinsics import Intrinsics
from training.rooms.camera_pose import Size
from training.rooms.layout import Room

Floats = NDArray[np.float32]

NEAREST = 0.05  # metres; boxes that reach behind this plane are tested against the whole image


class RayGrid:
    """One ray through the middle of every pixel, in the world frame.

    Args:
        camera: what the image is taken with.
        rotation: (3, 3), camera to world.

    Attributes:
        columns: (W,), x = (u - cx) / fx in the image plane.
        rows: (H,), y = (v - cy) / fy.
        pixel: a pixel's width and height there.
        direction: x, y, z, each (H, W).
    """

    def __init__(self, camera: Intrinsics, rotation: NDArray[np.float64]) -> None:
        self.columns = ((np.arange(camera.width) - camera.cx) / camera.fx).astype(np.float32)
        self.rows = ((np.arange(camera.height) - camera.cy) / camera.fy).astype(np.float32)
        self.pixel = (1.0 / camera.fx, 1.0 / camera.fy)
        r = rotation.astype(np.float32)
        self.direction = [
            r[k, 0] * self.columns[None, :] + (r[k, 1] * self.rows + r[k, 2])[:, None]
            for k in range(3)
        ]
        self._inverse_z = _inverse(self.direction[2])
        self._by_yaw: dict[float, tuple[Floats, Floats]] = {}

    def inverse(self, yaw: float) -> tuple[Floats, Floats, Floats]:
        """1 / direction in the frame of a box turned by yaw (radians, about the vertical): x, y, z,
        each (H, W).
        """
        if yaw not in self._by_yaw:
            x, y, _ = self.direction
            c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
            turned = (x, y) if yaw == 0.0 else (c * x + s * y, c * y - s * x)
            self._by_yaw[yaw] = (_inverse(turned[0]), _inverse(turned[1]))
        return (*self._by_yaw[yaw], self._inverse_z)


def _inverse(direction: Floats) -> Floats:
    safe = direction.copy()
    np.copyto(safe, np.float32(1e-12), where=safe == 0)
    return np.reciprocal(safe, out=safe)


def trace(room: Room, grid: RayGrid) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """What the rays meet first.

    Args:
        room: whose camera they start from.
        grid: the rays.

    Returns:
        The depth (H, W) in metres along the optical axis, and the index (H, W) into room.boxes;
        len(room.boxes.yaw) stands for the room's own walls, floor and ceiling.
    """
    eye = room.camera.position
    depth = _room_depth(room.size, eye, grid)
    index = np.full(depth.shape, len(room.boxes.yaw), np.int32)
    boxes = room.boxes
    local = boxes.to_local(np.broadcast_to(eye, boxes.centre.shape))
    low, high = (-boxes.half - local).tolist(), (boxes.half - local).tolist()
    yaw = boxes.yaw.tolist()
    for i, rows, columns in _screen_rectangles(room, grid):
        near, far = _slab(low[i], high[i], [a[rows, columns] for a in grid.inverse(yaw[i])])
        seen = near <= far
        seen &= near < depth[rows, columns]
        np.copyto(depth[rows, columns], near, where=seen)
        np.copyto(index[rows, columns], i, where=seen)
    return depth, index


def _room_depth(size: Size, eye: NDArray[np.float64], grid: RayGrid) -> Floats:
    walls = (
        np.maximum(np.float32(-eye[k]) * inverse, np.float32(size[k] - eye[k]) * inverse)
        for k, inverse in enumerate(grid.inverse(0.0))
    )
    return reduce(np.minimum, walls)


def _slab(low: list[float], high: list[float], inverse: list[Floats]) -> tuple[Floats, Floats]:
    """Depth at which rays enter and leave a box seen from outside; low, high are its planes
    relative to the eye.

    On an axis where the eye lies between the planes, only leaving matters. Otherwise the nearer
    plane is the entrance, and rays that go the other way get an empty interval by themselves.
    """
    enters, leaves = [], []
    for lo, hi, inv in zip(low, high, inverse, strict=True):
        if lo < 0.0 < hi:
            leaves.append(np.maximum(np.float32(lo) * inv, np.float32(hi) * inv))
        else:
            first, last = (lo, hi) if lo >= 0.0 else (hi, lo)
            enters.append(np.float32(first) * inv)
            leaves.append(np.float32(last) * inv)
    return reduce(np.maximum, enters), reduce(np.minimum, leaves)


def _screen_rectangles(room: Room, grid: RayGrid) -> Iterator[tuple[int, slice, slice]]:
    """(box index, row slice, column slice) of every box that may be seen."""
    corners = room.boxes.corners() - room.camera.position
    seen = corners @ room.camera.rotation
    z = seen[..., 2]
    front = z.max(axis=1) > NEAREST
    crossing = z.min(axis=1) <= NEAREST
    safe = np.maximum(z, NEAREST)
    limits = []
    for k, lines in ((0, grid.columns), (1, grid.rows)):
        place = seen[..., k] / safe
        first = np.searchsorted(lines, place.min(axis=1), "left")
        last = np.searchsorted(lines, place.max(axis=1), "right")
        limits += [np.where(crossing, 0, first), np.where(crossing, len(lines), last)]
    left, right, top, bottom = limits
    visible = front & (right > left) & (bottom > top)
    for i in np.flatnonzero(visible).tolist():
        yield i, slice(int(top[i]), int(bottom[i])), slice(int(left[i]), int(right[i]))
