"""Image files, and depth as 16-bit PNG."""

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
    """A colour image, (H, W, 3) RGB.

    Args:
        path: of a PNG, a JPEG or anything else that OpenCV reads.
        upright: rotate it as its EXIF data says. Depth, labels and a camera's intrinsics belong to
            the image as the sensor delivered it.

    Raises:
        ValueError: missing, not an image, truncated, or too large; the message names the file.
    """
    turned = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    picture = _decoded(path, turned)
    if picture is None:
        found = "an unreadable file" if os.path.lexists(path) else "no such file"
        raise ValueError(f"{path}: expected an image (PNG, JPEG, ...), found {found}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) RGB, or (H, W) grey of 8 or 16 bits, in the format of the name's suffix.

    Raises:
        OSError: the file can't be written.
    """
    path = Path(path)
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    _, data = cv2.imencode(path.suffix, stored)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data.tobytes())


def write_depth_png(path: str | Path, depth: NDArray[np.floating]) -> None:
    """Write (H, W) metres as 16-bit millimetres, 0 for no reading and for depth beyond the 16-bit
    limit, 65.535 m (like 16UC1 in REP 118)."""
    millimetres = np.rint(np.where(is_reading(depth), depth, 0) * MILLIMETRES)
    held = millimetres <= np.iinfo(np.uint16).max
    write_picture(path, np.where(held, millimetres, 0).astype(np.uint16))


def read_depth_png(path: str | Path) -> NDArray[np.float32]:
    """Read what :func:`write_depth_png` wrote: (H, W) float32 metres, 0 where there is no reading.

    Raises:
        ValueError: missing, truncated, or not a 16-bit, one-channel image; the message names the
            file.
    """
    stored = _decoded(path, cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
        found = "an unreadable file" if stored is None else f"{stored.dtype} {stored.shape}"
        raise ValueError(f"{path}: expected a 16-bit depth PNG in millimetres, found {found}")
    return stored.astype(np.float32) / np.float32(MILLIMETRES)


def _decoded(path: str | Path, flags: int) -> NDArray | None:
    """The image as OpenCV decodes it; None if it can't be read or isn't an image.

    Raises:
        ValueError: truncated, or too large.
    """
    # Not cv2.imread, which ends the process if a name isn't UTF-8.
    try:
        data = Path(path).read_bytes()
        if is_encoded(data):  # OpenCV silently fills the rest of a truncated image with grey
            check(data)
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except OSError:
        return None
    except ValueError as error:
        raise ValueError(
            f"{path}: expected a whole JPEG or PNG, found an unreadable file: {error}"
        ) from error
    except cv2.error as error:
        raise ValueError(f"{path}: OpenCV can't read it: {error.err}") from error
