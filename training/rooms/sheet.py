"""A contact sheet: many frames in one picture, colour above depth, to look at."""

import math
from collections.abc import Iterable
from pathlib import Path

import matplotlib.image
import numpy as np

from training.rooms.render import Frame

FARTHEST = 8.0  # metres; the dark end of the colour map


def write_sheet(path, frames: Iterable[Frame], columns: int = 5) -> None:
    """Writes the frames, all of one size, as one PNG in rows of `columns`."""
    tiles = [np.vstack([frame.picture, _coloured(frame.depth)]) for frame in frames]
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    height, width, _ = tiles[0].shape
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (i // columns) * height, (i % columns) * width
        sheet[y : y + height, x : x + width] = tile
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    matplotlib.image.imsave(path, sheet)


def _coloured(depth: np.ndarray) -> np.ndarray:
    """Near is bright, far is dark. (H, W) metres -> (H, W, 3) uint8."""
    return (matplotlib.colormaps["magma_r"](np.clip(depth / FARTHEST, 0, 1))[..., :3] * 255).astype(
        np.uint8
    )
