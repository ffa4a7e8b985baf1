"""A contact sheet: many frames in one image, colour above depth, to look at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from moa_depth_ros.pictures.drawing import colour_depth
from moa_depth_ros.pictures.files import write_picture
from training.rooms.render import Frame

FARTHEST = 8.0  # metres; the far end of the colour map
COLUMNS = 5


def write_sheet(path: str | Path, frames: Iterable[Frame]) -> None:
    """Write frames as one image, five in a row, each above its depth.

    Args:
        path: of the PNG; its folder is created if missing.
        frames: at least one, all of one size.

    Raises:
        OSError: the file cannot be written.
    """
    tiles = [np.vstack([f.picture, colour_depth(f.depth, 0.0, FARTHEST)]) for f in frames]
    columns = min(COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    height, width, _ = tiles[0].shape
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (i // columns) * height, (i % columns) * width
        sheet[y : y + height, x : x + width] = tile
    write_picture(path, sheet)
