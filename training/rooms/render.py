"""A picture and its exact depth from a room and a camera's intrinsics."""

from dataclasses import dataclass

import numpy as np

from moa_depth_ros.intrinsics import Intrinsics
from training.rooms.layout import Room
from training.rooms.photo import photograph
from training.rooms.shade import shade
from training.rooms.trace import RayGrid, trace


@dataclass(frozen=True)
class Frame:
    """picture (H, W, 3) uint8 RGB; depth (H, W) float32 metres along the optical axis, exact; the
    scene type.
    """

    picture: np.ndarray
    depth: np.ndarray
    scene_type: str


def render(
    room: Room,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
    noise_rng: np.random.Generator | None = None,
) -> Frame:
    """The room as its camera sees it.

    rng decides exposure, white balance, blur and the like, no geometry; noise_rng (rng where left
    out) the sensor noise.
    """
    grid = RayGrid(intrinsics, room.camera.rotation)
    depth, index = trace(room, grid)
    radiance = shade(room, grid, depth, index)
    return Frame(photograph(radiance, rng, noise_rng or rng), depth, room.scene_type)
