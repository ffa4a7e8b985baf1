"""Finds free places: furniture on the floor without overlap, fixtures on walls that the camera
sees.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from training.rooms.boxes import Part
from training.rooms.camera_pose import CameraPose, Size, wall_hits
from training.rooms.fixtures import Fixture
from training.rooms.piece import Piece, placed, top_of

CAMERA_CLEARANCE = 0.65  # metres between the camera and the nearest box
TOUCH = 1e-6  # metres by which boxes may overlap and still count as touching
ATTEMPTS = 20  # places that are tried for a piece or fixture
WALL_YAW = (0.0, np.pi / 2, np.pi, -np.pi / 2)
Area = tuple[float, float, float, float]
"""Low, low, high, high, metres."""


class Planner:
    """Places pieces in a room and remembers what is taken.

    Walls: 0 is y = 0, 1 is x = width, 2 is y = length, 3 is x = 0. Furniture takes its floor; floor
    to be kept clear may be shared, but not stood on.

    Args:
        rng: decides where.
        size: of the room, metres.
        camera: in front of which things stand.

    Attributes:
        parts: the boxes of what is placed, in the world frame.
        taken: floor that furniture stands on.
        clear: floor that is kept clear.
        walls: for each wall, areas of what hangs on it or stands in front of it: along it and up.
        view: the walls that the camera sees, each with its lowest and highest place in view.
    """

    def __init__(self, rng: np.random.Generator, size: Size, camera: CameraPose) -> None:
        self.rng, self.size, self.camera = rng, size, camera
        self.parts: list[Part] = []
        self._reach: NDArray[np.float64] = np.empty((0, 6))  # high and negative low of every part
        x, y = camera.position[:2]
        ahead_x, ahead_y = x + 0.8 * np.cos(camera.yaw), y + 0.8 * np.sin(camera.yaw)
        self.taken: list[Area] = []
        self.clear: list[Area] = [
            (x - 0.55, y - 0.55, x + 0.55, y + 0.55),
            (ahead_x - 0.45, ahead_y - 0.45, ahead_x + 0.45, ahead_y + 0.45),
        ]
        self.walls: list[list[Area]] = [[] for _ in range(4)]
        wall, along, _ = wall_hits(x, y, camera.yaw, size)
        self.view = [
            (int(w), along[wall == w].min(), along[wall == w].max()) for w in np.unique(wall)
        ]

    def against_wall(self, piece: Piece) -> bool:
        """Stand the piece with its back 1 cm from a wall, preferably one in view.

        Returns:
            False if no place was found.
        """
        tall = top_of(piece.parts)
        for _ in range(ATTEMPTS):
            spot = self._spot(piece.width, 0.85)
            if spot is None:
                continue
            wall, s = spot
            x, y, yaw = self.anchor(wall, s, 0.01)
            span = (s - piece.width / 2, 0.0, s + piece.width / 2, tall)
            if _meets(span, self.walls[wall]):
                continue
            if self.stand(piece, x, y, yaw):
                self.walls[wall].append(span)
                return True
        return False

    def in_the_open(self, piece: Piece) -> bool:
        """Stand the piece somewhere on the floor in front of the camera, parallel to the walls.

        Returns:
            False if no place was found.
        """
        rng, (width, length, _) = self.rng, self.size
        for _ in range(ATTEMPTS):
            quarter = int(rng.integers(4))
            wide, deep = (piece.depth, piece.width) if quarter % 2 else (piece.width, piece.depth)
            if wide > width - 0.3 or deep > length - 0.3:
                continue
            x, y = self._point_ahead()
            x = float(np.clip(x, 0.15 + wide / 2, width - 0.15 - wide / 2))
            y = float(np.clip(y, 0.15 + deep / 2, length - 0.15 - deep / 2))
            back_x = x + (0, 1, 0, -1)[quarter] * piece.depth / 2
            back_y = y - (1, 0, -1, 0)[quarter] * piece.depth / 2
            if self.stand(piece, back_x, back_y, WALL_YAW[quarter]):
                return True
        return False

    def stand(self, piece: Piece, x: float, y: float, yaw: float) -> bool:
        """Stand the piece with the middle of its back at a place.

        Args:
            piece: furniture.
            x, y: the place, metres.
            yaw: which way it faces, a multiple of pi/2.

        Returns:
            False if something is in the way.
        """
        body = _area(x, y, yaw, piece.width, 0.0, piece.depth)
        inside = (
            body[0] >= 0 and body[1] >= 0 and body[2] <= self.size[0] and body[3] <= self.size[1]
        )
        if not inside or _meets(body, self.taken) or _meets(body, self.clear):
            return False
        front = _area(x, y, yaw, piece.width, piece.depth, piece.depth + piece.clear)
        if _meets(front, self.taken) or not self.add(placed(piece, x, y, yaw)):
            return False
        self.taken.append(body)
        self.clear.append(front)
        return True

    def hang(
        self, fixture: Fixture, z: float, in_view: float = 0.85, clear: float = 0.0
    ) -> tuple[int, float] | None:
        """Hang the fixture on a wall.

        Args:
            fixture: what to hang.
            z: of its lower edge, metres.
            in_view: probability that a wall in view is tried, 0..1.
            clear: depth of floor to keep clear in front of it, for doors, metres.

        Returns:
            The wall and the place along it in metres, or None if no place was found.
        """
        for _ in range(ATTEMPTS):
            spot = self._spot(fixture.width, in_view)
            if spot is None:
                continue
            wall, s = spot
            span = (
                s - fixture.width / 2,
                z - fixture.below,
                s + fixture.width / 2,
                z + fixture.height,
            )
            x, y, yaw = self.anchor(wall, s)
            front = _area(x, y, yaw, fixture.width, 0.0, clear)
            if _meets(span, self.walls[wall]) or (clear and _meets(front, self.taken)):
                continue
            if self.add(placed(Piece(fixture.parts, 0, 0), x, y, yaw, z)):
                self.walls[wall].append(span)
                self.clear.append(front)
                return wall, s
        return None

    def anchor(self, wall: int, s: float, gap: float = 0.0) -> tuple[float, float, float]:
        """A place by a wall.

        Args:
            wall: 0..3.
            s: the place along it, metres.
            gap: from it, metres.

        Returns:
            x and y in metres, and the yaw that faces into the room, radians.
        """
        width, length, _ = self.size
        x, y = ((s, gap), (width - gap, s), (s, length - gap), (gap, s))[wall]
        return x, y, WALL_YAW[wall]

    def add(self, parts: list[Part]) -> bool:
        """Take the parts, in the world frame, as they are.

        Returns:
            False if one is near the camera, pierces another piece, or leaves the room; then none
            is taken.
        """
        bounds = _bounds(parts)
        eye, size = self.camera.position, np.asarray(self.size)
        away = bounds - np.concatenate([eye, -eye])
        gap = np.maximum(np.maximum(away[:, :3], away[:, 3:]), 0.0)
        if (gap * gap).sum(axis=1).min() < CAMERA_CLEARANCE**2:
            return False
        if (bounds + TOUCH < [0, 0, 0, *-size]).any():
            return False
        if (bounds[:, None] + TOUCH < self._reach).all(axis=2).any():
            return False
        self._reach = np.vstack([self._reach, -bounds[:, [3, 4, 5, 0, 1, 2]]])
        self.parts += parts
        return True

    def _point_ahead(self) -> tuple[float, float]:
        """A place on the floor within the camera's view, or nearly."""
        angle, away = self.camera.yaw + self.rng.uniform(-0.55, 0.55), self.rng.uniform(1.3, 6.0)
        x, y = self.camera.position[:2]
        return x + away * np.cos(angle), y + away * np.sin(angle)

    def _spot(self, width: float, in_view: float) -> tuple[int, float] | None:
        """A wall and a place along it where something of this width fits."""
        if self.rng.random() < in_view:
            wall, low, high = self.view[self.rng.integers(len(self.view))]
        else:
            wall = int(self.rng.integers(4))
            low, high = 0.0, self.size[wall % 2]
        margin = width / 2 + 0.02
        low, high = (
            max(low - 0.2 * width, margin),
            min(high + 0.2 * width, self.size[wall % 2] - margin),
        )
        if high < low:
            return None
        snap = self.rng.random()
        return wall, float(
            low
            if snap < 0.15
            else high
            if snap > 0.85
            else low + (high - low) * (snap - 0.15) / 0.7
        )


def _meets(area: Area, others: list[Area]) -> bool:
    low_x, low_y, high_x, high_y = area
    return any(a[0] < high_x and low_x < a[2] and a[1] < high_y and low_y < a[3] for a in others)


def _bounds(parts: list[Part]) -> NDArray[np.float64]:
    """Axis-aligned bounds (N, 6) of the parts: low x, y, z and negative high x, y, z, metres."""
    x, y, z, width, depth, height, yaw = np.array([(*part[:6], part.yaw) for part in parts]).T
    c, s = np.abs(np.cos(yaw)), np.abs(np.sin(yaw))
    reach_x, reach_y = 0.5 * (c * width + s * depth), 0.5 * (s * width + c * depth)
    return np.stack([x - reach_x, y - reach_y, z, -x - reach_x, -y - reach_y, -z - height], axis=1)


def _area(x: float, y: float, yaw: float, width: float, back: float, front: float) -> Area:
    """The floor in front of a piece's back at x, y, turned by quarters: width wide, from `back` to
    `front` metres.
    """
    c, s = round(math.cos(yaw)), round(math.sin(yaw))
    corners = [
        (x + c * a - s * b, y + s * a + c * b)
        for a in (-width / 2, width / 2)
        for b in (back, front)
    ]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
