"""An image and its exact depth from a room and a camera's intrinsics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.intrinsics import Intrinsics
from training.rooms.layout import Room
from training.rooms.photo import photograph
from training.rooms.shade import shade
from training.rooms.trace import RayGrid, trace


@dataclass(frozen=True)
class Frame:
    """An image and its ground truth.

    Attributes:
        picture: (H, W, 3) RGB.
        depth: (H, W) metres along the optical axis, exact.
        scene_type: of the room.
    """

    picture: NDArray[np.uint8]
    depth: NDArray[np.float32]
    scene_type: str


def render(
    room: Room,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
    noise_rng: np.random.Generator | None = None,
) -> Frame:
    """The room as its camera sees it.

    Args:
        room: with its camera.
        intrinsics: of the camera, which also say how large the image is.
        rng: decides exposure, white balance, blur and the like, no geometry.
        noise_rng: decides the sensor noise; if left out, rng does.
    """
    grid = RayGrid(intrinsics, room.camera.rotation)
    depth, index = trace(room, grid)
    radiance = shade(room, grid, depth, index)
    return Frame(photograph(radiance, rng, noise_rng or rng), depth, room.scene_type)
