"""Files that people look at: colour maps, 16-bit depth PNG, point clouds, panels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.depth.readings import is_reading
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.pictures.encoded import check, is_encoded

MILLIMETRES = 1000.0
SUFFIXES = (".png", ".jpg", ".jpeg")
COLOUR_MAP = "turbo_r"
"""Red is near, blue is far."""


def colour_depth(depth: NDArray[np.floating], near: float, far: float) -> NDArray[np.uint8]:
    """Depth as colours.

    Args:
        depth: (H, W) metres; not finite or not above 0 is drawn black.
        near, far: ends of the scale in metres.

    Returns:
        (H, W, 3) RGB.
    """
    from matplotlib import colormaps

    valid = is_reading(depth)
    scaled = (np.where(valid, depth, near) - near) / max(far - near, 1e-6)
    colours = colormaps[COLOUR_MAP](np.clip(scaled, 0, 1), bytes=True)[..., :3]
    return np.where(valid[..., None], colours, 0).astype(np.uint8)


def colour_uncertainty(uncertainty: NDArray[np.floating], far: float) -> NDArray[np.uint8]:
    """Uncertainty, or an error, as colours: black for none, yellow for ``far`` and above.

    Args:
        uncertainty: (H, W) metres; NaN is drawn grey.
        far: end of the scale in metres.

    Returns:
        (H, W, 3) RGB.
    """
    from matplotlib import colormaps

    colours = colormaps["inferno"](uncertainty / max(far, 1e-6), bytes=True)[..., :3]
    return np.where(np.isnan(uncertainty)[..., None], 128, colours).astype(np.uint8)


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


def write_ply(path: str | Path, points: NDArray[np.floating], colours: NDArray[np.uint8]) -> None:
    """Write a binary PLY, which any point-cloud viewer opens.

    Args:
        path: of the file.
        points: (..., 3) metres; points that are not finite are left out.
        colours: (..., 3) RGB of the points.
    """
    points, colours = points.reshape(-1, 3), colours.reshape(-1, 3)
    kept = np.isfinite(points).all(axis=1)
    fields = [(name, "<f4") for name in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")]
    vertices = np.empty(int(kept.sum()), dtype=fields)
    for axis, name in enumerate("xyz"):
        vertices[name] = points[kept, axis]
    for channel, name in enumerate(("red", "green", "blue")):
        vertices[name] = colours[kept, channel]
    kinds = {"<f4": "float", "u1": "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property {kinds[kind]} {name}" for name, kind in fields]
    header = "\n".join([*lines, "end_header", ""])
    with whole_file(Path(path)) as unfinished:
        unfinished.write_bytes(header.encode("ascii") + vertices.tobytes())


def panel(path: str | Path, rows: Sequence[Sequence[tuple[str, NDArray]]]) -> None:
    """Draw pictures and depths in a grid, all depths on one scale in metres.

    Args:
        path: of the PNG.
        rows: of (title, map): (H, W, 3) uint8 is a picture, (H, W) float is depth in metres. Rows
            may differ in length.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    near, far = _scale([image for row in rows for _, image in row if image.ndim == 2])
    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(4.2 * columns + 1.0, 3.3 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for row, row_axes in zip(rows, axes, strict=True):
        for (title, image), axis in zip(row, row_axes, strict=False):
            axis.imshow(image if image.ndim == 3 else colour_depth(image, near, far))
            axis.set_title(title, fontsize=10)
    scale = ScalarMappable(Normalize(near, far), colormaps[COLOUR_MAP])
    figure.colorbar(scale, ax=axes, label="depth in metres", shrink=0.8)
    with whole_file(Path(path)) as unfinished:
        figure.savefig(unfinished, format="png", dpi=110)


def _scale(depths: Sequence[NDArray]) -> tuple[float, float]:
    readings = [depth[is_reading(depth)] for depth in depths]
    readings = [values for values in readings if values.size]
    if not readings:
        return 0.0, 10.0
    low = min(float(np.percentile(values, 1)) for values in readings)
    return low, max(float(np.percentile(values, 99)) for values in readings)
