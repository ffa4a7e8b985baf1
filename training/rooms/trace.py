"""Rays against boxes: which box, or wall, each pixel sees, and how far it is along the optical
axis.

A ray is written with a depth of one along the optical axis, so that its parameter is the depth in
metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.intrinsics import Intrinsics

NEAREST = 0.05  # metres; boxes that reach behind this plane are tested against the whole picture


class RayGrid:
    """One ray through the middle of every pixel, in the world frame.

    Args:
        camera: what the picture is taken with.
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
        self._by_yaw: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def inverse(self, yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """1 / direction in the frame of a box turned by yaw (radians, about the vertical)."""
        if yaw not in self._by_yaw:
            x, y, _ = self.direction
            c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
            turned = (x, y) if yaw == 0.0 else (c * x + s * y, c * y - s * x)
            self._by_yaw[yaw] = (_inverse(turned[0]), _inverse(turned[1]))
        return (*self._by_yaw[yaw], self._inverse_z)


def _inverse(direction: np.ndarray) -> np.ndarray:
    safe = direction.copy()
    np.copyto(safe, np.float32(1e-12), where=safe == 0)
    return np.reciprocal(safe, out=safe)


def trace(room, grid: RayGrid) -> tuple[np.ndarray, np.ndarray]:
    """What the rays meet first: depth (H, W) float32 metres and index (H, W) int32 into room.boxes.

    The room's own walls, floor and ceiling have the index len(room.boxes.yaw).
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


def _room_depth(size, eye, grid: RayGrid) -> np.ndarray:
    inverse = grid.inverse(0.0)
    depth = None
    for k in range(3):
        wall = np.maximum(
            np.float32(-eye[k]) * inverse[k], np.float32(size[k] - eye[k]) * inverse[k]
        )
        depth = wall if depth is None else np.minimum(depth, wall, out=depth)
    return depth


def _slab(low, high, inverse) -> tuple[np.ndarray, np.ndarray]:
    """Depth at which rays enter and leave a box seen from outside; low, high are its planes
    relative to the eye.

    On an axis where the eye lies between the planes, only leaving matters. Elsewhere the nearer
    plane is the entrance, and rays that go the other way get an empty interval by themselves.
    """
    near = far = None
    for lo, hi, inv in zip(low, high, inverse, strict=True):
        if lo < 0.0 < hi:
            leave = np.maximum(np.float32(lo) * inv, np.float32(hi) * inv)
        else:
            first, last = (lo, hi) if lo >= 0.0 else (hi, lo)
            enter, leave = np.float32(first) * inv, np.float32(last) * inv
            near = enter if near is None else np.maximum(near, enter, out=near)
        far = leave if far is None else np.minimum(far, leave, out=far)
    return near, far


def _screen_rectangles(room, grid: RayGrid):
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
