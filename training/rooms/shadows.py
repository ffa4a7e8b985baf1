"""Soft shadows of furniture on the floor: one small map for each room, looked up for every floor
point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.rooms.layout import Room

CELLS = 40  # along each side of the room
WIDEST_GAP = 1.2  # metres above the floor; what hangs higher casts no shadow
SMALLEST_AREA = 0.02  # square metres seen from above; legs and handles cast no shadow


class FloorShadow:
    """The share of light, 0..1, that reaches the floor past the furniture.

    Args:
        room: whose furniture, and whose strongest light.
    """

    def __init__(self, room: Room) -> None:
        width, length, _ = room.size
        self._cells = np.float32((CELLS - 1) / width), np.float32((CELLS - 1) / length)
        x = np.linspace(0, width, CELLS, dtype=np.float32)[None, None, :]
        y = np.linspace(0, length, CELLS, dtype=np.float32)[None, :, None]
        boxes = room.boxes
        bottom = boxes.centre[:, 2] - boxes.half[:, 2]
        large = 4 * boxes.half[:, 0] * boxes.half[:, 1] > SMALLEST_AREA
        chosen = np.flatnonzero((bottom < WIDEST_GAP) & large)
        self._map = np.ones((CELLS, CELLS), np.float32)
        if chosen.size:
            rows = np.concatenate([boxes.centre, boxes.half, boxes.yaw[:, None]], axis=1)[chosen]
            covers = [column[:, None, None] for column in rows.T.astype(np.float32)]
            contact = _covered(covers, x, y, 0.08 + 0.5 * np.maximum(covers[2] - covers[5], 0))
            self._map -= 0.55 * contact
            if room.lights:
                lamp = max(room.lights, key=lambda light: light.colour.sum()).position.astype(
                    np.float32
                )
                rise = np.minimum(covers[2] / lamp[2], np.float32(0.8))
                cast = _covered(
                    covers,
                    x + (lamp[0] - x) * rise,
                    y + (lamp[1] - y) * rise,
                    0.05 + 0.3 * covers[2],
                )
                self._map *= 1.0 - 0.35 * cast

    def at(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Look up floor points, bilinearly.

        Args:
            x, y: (n,) metres.

        Returns:
            (n,) shares.
        """
        x, y = (
            np.clip(x * self._cells[0], 0, CELLS - 1.001),
            np.clip(y * self._cells[1], 0, CELLS - 1.001),
        )
        column, row = x.astype(np.int32), y.astype(np.int32)
        x, y = x - column, y - row
        first, flat = row * CELLS + column, self._map.ravel()
        top = flat[first] * (1 - x) + flat[first + 1] * x
        return top * (1 - y) + (flat[first + CELLS] * (1 - x) + flat[first + CELLS + 1] * x) * y


def _covered(
    covers: list[NDArray[np.float32]],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    softness: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(CELLS, CELLS): how much the most covering box hides of a point, fading over `softness`
    metres.
    """
    cx, cy, _, hx, hy, _, yaw = covers
    dx, dy = x - cx, y - cy
    c, s = np.cos(yaw), np.sin(yaw)
    out_x = np.maximum(np.abs(c * dx + s * dy) - hx, 0)
    out_y = np.maximum(np.abs(c * dy - s * dx) - hy, 0)
    square = (out_x * out_x + out_y * out_y) / (softness * softness)
    strength = 1.0 / (1.0 + 4.0 * softness)
    return (strength / (1.0 + square)).max(axis=0)
