"""A bare room with a known camera."""

import numpy as np
import pytest

from training.rooms.camera_pose import CameraPose
from training.rooms.layout import Light, Room, build_room
from training.rooms.materials import Kind, Material

GREY = Material(Kind.PLAIN, (0.5, 0.5, 0.5))


@pytest.fixture
def bare_room():
    """Makes a room of 4 x 6 x 2.5 m with the parts given, seen along y from (2, 0.5, 1.2)."""

    def make(parts=(), yaw=np.pi / 2, pitch=0.0, roll=0.0) -> Room:
        camera = CameraPose(np.array([2.0, 0.5, 1.2]), yaw, pitch, roll)
        light = Light(np.array([2.0, 3.0, 2.2]), np.full(3, 3.0))
        shell = (GREY,) * 6
        return build_room(
            (4.0, 6.0, 2.5), list(parts), shell, [light], np.full(3, 0.3), camera, "office"
        )

    return make
