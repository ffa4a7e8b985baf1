"""Point clouds as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.machine.whole_file import whole_file


def write_ply(path: str | Path, points: NDArray[np.floating], colours: NDArray[np.uint8]) -> None:
    """Write a binary PLY, which any point cloud viewer can open.

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
