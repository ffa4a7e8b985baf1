"""Picture files, and depth as 16-bit PNG."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.depth.readings import is_reading
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.pictures.encoded import check, is_encoded

MILLIMETRES = 1000.0
SUFFIXES = (".png", ".jpg", ".jpeg")


def read_picture(path: str | Path, upright: bool = False) -> NDArray[np.uint8]:
    """A colour picture, (H, W, 3) RGB.

    Args:
        path: of a PNG, a JPEG or whatever else OpenCV reads.
        upright: turn it as its EXIF data says. Depth, labels and a camera's intrinsics belong to
            the picture as the sensor gave it.

    Raises:
        ValueError: missing, not a picture, cut off, or too large; the message names the file.
    """
    turned = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    picture = _decoded(path, turned)
    if picture is None:
        found = "none that can be read" if os.path.lexists(path) else "no such file"
        raise ValueError(f"{path}: expected a picture (PNG, JPEG, ...), found {found}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) RGB, or (H, W) grey of 8 or 16 bits, in the form that the name ends with.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    _, data = cv2.imencode(path.suffix, stored)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data.tobytes())


def write_depth_png(path: str | Path, depth: NDArray[np.floating]) -> None:
    """Write (H, W) metres as 16-bit millimetres, 0 for no reading and for what is farther than 16
    bits reach, 65.535 m (as 16UC1 of REP 118)."""
    millimetres = np.rint(np.where(is_reading(depth), depth, 0) * MILLIMETRES)
    held = millimetres <= np.iinfo(np.uint16).max
    write_picture(path, np.where(held, millimetres, 0).astype(np.uint16))


def read_depth_png(path: str | Path) -> NDArray[np.float32]:
    """Read what :func:`write_depth_png` wrote: (H, W) float32 metres, 0 where there is no reading.

    Raises:
        ValueError: missing, cut off, or not a 16-bit, one-channel picture; the message names the
            file.
    """
    stored = _decoded(path, cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
        found = "none that can be read" if stored is None else f"{stored.dtype} {stored.shape}"
        raise ValueError(f"{path}: expected a 16-bit depth PNG in millimetres, found {found}")
    return stored.astype(np.float32) / np.float32(MILLIMETRES)


def _decoded(path: str | Path, flags: int) -> NDArray | None:
    """The picture as OpenCV has it; None of what can't be read or isn't one.

    Raises:
        ValueError: cut off, or too large.
    """
    # Not cv2.imread: it ends the process where a name isn't UTF-8.
    try:
        data = Path(path).read_bytes()
        if is_encoded(data):  # of what is cut off, OpenCV fills the rest with grey and says nothing
            check(data)
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except OSError:
        return None
    except ValueError as error:
        raise ValueError(
            f"{path}: expected a whole JPEG or PNG, found none that can be read: {error}"
        ) from error
    except cv2.error as error:
        raise ValueError(f"{path}: OpenCV can't read it: {error.err}") from error
