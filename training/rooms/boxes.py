"""Boxes that stand in a room, turned about the vertical.

World frame: x and y along the walls, z up, metres, the origin in a lower corner of the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.rooms.materials import Material

_SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


class Part(NamedTuple):
    """A box.

    Attributes:
        x, y, z: the middle of its underside, metres.
        width, depth, height: along its own x, y and z, metres.
        material: of all its faces.
        yaw: about the vertical, radians.
    """

    x: float
    y: float
    z: float
    width: float
    depth: float
    height: float
    material: Material
    yaw: float = 0.0


def moved(
    parts: Iterable[Part], x: float, y: float, z: float = 0.0, yaw: float = 0.0
) -> list[Part]:
    """The parts of a piece, turned about its origin and then shifted.

    Args:
        parts: in the piece's frame.
        x, y, z: where its origin is moved to, metres.
        yaw: about the vertical, radians.
    """
    c, s = _cos_sin(yaw)
    return [
        Part(x + c * p.x - s * p.y, y + s * p.x + c * p.y, z + p.z, *p[3:7], p.yaw + yaw)
        for p in parts
    ]


def _cos_sin(yaw: float) -> tuple[float, float]:
    """Exact for quarter turns, so that furniture along a wall touches it and does not pierce it."""
    quarter = yaw / (np.pi / 2)
    if abs(quarter - round(quarter)) < 1e-9:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[round(quarter) % 4]
    return float(np.cos(yaw)), float(np.sin(yaw))


@dataclass(frozen=True)
class Boxes:
    """All boxes of a room.

    Attributes:
        centre: (N, 3) metres.
        half: (N, 3), half their extents, metres.
        yaw: (N,) radians in [-pi/4, pi/4]; quarter turns are in `half`.
        material: (N,) index into the room's materials.
    """

    centre: NDArray[np.float64]
    half: NDArray[np.float64]
    yaw: NDArray[np.float64]
    material: NDArray[np.int_]

    @classmethod
    def from_parts(cls, parts: Sequence[Part], material_index: dict[Material, int]) -> Boxes:
        """The parts as arrays, in their order; material_index has every part's material."""
        rows = np.array([part[:6] for part in parts], float).reshape(-1, 6)
        centre = rows[:, :3] + np.array([0, 0, 0.5]) * rows[:, 5:6]
        yaw = np.array([part.yaw for part in parts], float)
        quarters = np.rint(yaw / (np.pi / 2)).astype(int)
        yaw = np.round(yaw - quarters * (np.pi / 2), 9) + 0.0
        half = 0.5 * rows[:, 3:]
        half = np.where((quarters % 2 == 1)[:, None], half[:, [1, 0, 2]], half)
        material = np.array([material_index[part.material] for part in parts], int)
        return cls(centre, half, yaw, material)

    def to_local(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (N, 3), one for each box, in the frames of the boxes: (N, 3) metres."""
        moved = points - self.centre
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x, y, z = moved[:, 0], moved[:, 1], moved[:, 2]
        return np.stack([c * x + s * y, c * y - s * x, z], axis=1)

    def corners(self) -> NDArray[np.float64]:
        """(N, 8, 3) world positions, metres."""
        offset = self.half[:, None, :] * _SIGNS
        c, s = np.cos(self.yaw)[:, None], np.sin(self.yaw)[:, None]
        x, y, z = offset[..., 0], offset[..., 1], offset[..., 2]
        return self.centre[:, None, :] + np.stack([c * x - s * y, s * x + c * y, z], axis=2)

    def distance(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) distances in metres from a world point (3,) to each box, 0 inside."""
        outside = np.maximum(
            np.abs(self.to_local(np.broadcast_to(point, self.centre.shape))) - self.half, 0.0
        )
        return np.linalg.norm(outside, axis=1)
