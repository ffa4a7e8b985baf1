"""Depth and uncertainty as colours, and panels of images for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moa_depth_ros.depth.readings import is_reading
from moa_depth_ros.machine.whole_file import whole_file

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


def write_panel(path: str | Path, rows: Sequence[Sequence[tuple[str, NDArray]]]) -> None:
    """Draw images and depths in a grid, all depths on one scale in metres.

    Args:
        path: of the PNG.
        rows: of (title, map): (H, W, 3) uint8 is an image, (H, W) float is depth in metres. Rows
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
