"""A colour image and its 16-bit depth PNG, as two files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from moa_depth_ros.pictures.files import read_depth_png, read_picture
from training.data.sample import check_depth
from training.errors import DataError


def read_colour(path: Path, where: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """(3, H, W) uint8 RGB.

    Args:
        path: of a PNG, a JPEG or whatever else OpenCV reads.
        where: names the image in errors.
        size: height and width that it must have.

    Raises:
        DataError: it is missing, damaged, truncated or of another size.
    """
    try:
        picture = read_picture(path)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    _expect_size(picture.shape[:2], size, f"{where}: {path}")
    return picture.transpose(2, 0, 1)


def read_depth(path: Path, where: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W) float32 metres, 0 where there is no reading.

    Raises:
        DataError: as :func:`read_any_depth`, or there is no reading.
    """
    depth = read_any_depth(path, where, size)
    check_depth(depth, f"{where}: {path}")
    return depth


def read_any_depth(path: Path, where: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W) float32 metres, 0 where there is no reading, which may be everywhere.

    Raises:
        DataError: it is missing, damaged, not 16-bit grey or not of this size.
    """
    try:
        depth = read_depth_png(path)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    _expect_size(depth.shape, size, f"{where}: {path}")
    return depth


def _expect_size(found: tuple[int, ...], expected: tuple[int, int] | None, where: str) -> None:
    if expected is not None and found != expected:
        raise DataError(
            f"{where}: expected {expected[1]}x{expected[0]} pixels as in the first colour "
            f"image, found {found[1]}x{found[0]}"
        )
