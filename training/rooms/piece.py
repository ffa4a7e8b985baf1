"""What a piece of furniture is: a list of boxes in a frame of its own.

Its frame: x along its back, centred; y from its back (0) to its front; z up from the floor; metres.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training.rooms.boxes import Part, moved
from training.rooms.materials import Palette


class Piece(NamedTuple):
    """Furniture.

    Attributes:
        parts: in the piece's frame.
        width, depth: of the floor that they take, metres.
        clear: depth of floor to keep clear in front of it, metres.
    """

    parts: list[Part]
    width: float
    depth: float
    clear: float = 0.0


PieceMaker = Callable[[np.random.Generator, Palette], Piece]
"""Takes the generator and the room's palette."""


def placed(piece: Piece, x: float, y: float, yaw: float = 0.0, z: float = 0.0) -> list[Part]:
    """The piece's boxes with its origin at x, y, z (metres) and turned by yaw (radians)."""
    return moved(piece.parts, x, y, z, yaw)


def top_of(parts: list[Part]) -> float:
    """The height of the highest box, metres."""
    return max(part.z + part.height for part in parts)
