"""Which depths are kept. On any device; dropped ones become NaN (REP 118)."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class DepthLimits:
    """Limits of a valid reading, all in metres; 0 means no limit.

    Attributes:
        min_depth, max_depth: smallest and largest valid depth.
        max_uncertainty: largest valid standard deviation of the network's bin distribution.
    """

    min_depth: float = 0.0
    max_depth: float = 0.0
    max_uncertainty: float = 0.0

    def contradiction(self) -> str | None:
        """Why the limits exclude every depth, or None."""
        if 0 < self.max_depth <= self.min_depth:
            return (
                f"expected min_depth < max_depth (0: no limit), found {self.min_depth:g} m and "
                f"{self.max_depth:g} m"
            )
        return None


def keep_readings(
    depth: Tensor, uncertainty: Tensor, limits: DepthLimits, unseen: Tensor | None = None
) -> Tensor:
    """Depth with NaN wherever it violates the limits.

    Args:
        depth: (H, W) float32 metres.
        uncertainty: (H, W) float32 metres.
        limits: of what is kept.
        unseen: (H, W) bool, True where the camera saw nothing; None: nowhere.

    Returns:
        A new tensor, or ``depth`` itself if there are no limits.
    """
    dropped = []
    if limits.min_depth > 0:
        dropped.append(depth < limits.min_depth)
    if limits.max_depth > 0:
        dropped.append(depth > limits.max_depth)
    if limits.max_uncertainty > 0:
        dropped.append(~(uncertainty <= limits.max_uncertainty))  # so that NaN is dropped, too
    if unseen is not None:
        dropped.append(unseen)
    for mask in dropped:
        depth = depth.masked_fill(mask, torch.nan)
    return depth


def drop_edges(
    depth: Tensor,
    max_ratio: float,
    reach: tuple[int, int] = (1, 1),
    whole: Tensor | None = None,
) -> Tensor:
    """Depth with NaN where it is steep: between a near object and what is behind it, a network puts
    pixels that belong to neither and would float in the air.

    A network's cells are many pixels wide, and so are its edges: neighbouring pixels differ little.

    Args:
        depth: (H, W) float32 metres; NaN makes no step.
        max_ratio: largest change over the reach, relative to the nearer of the two depths: 0.1
            keeps 1.0 m beside 1.1 m.
        reach: pixels down and across, 1 or more; the middle of such a stretch is dropped.
        whole: the depth to find steep places in, if ``depth`` lacks part of it: without the wall
            behind it, an object would have no edge.
    """
    whole = depth if whole is None else whole
    steep = torch.zeros_like(depth, dtype=torch.bool)
    for axis, pixels in enumerate(reach):
        length = depth.shape[axis] - pixels
        if length <= 0:
            continue
        here, there = whole.narrow(axis, 0, length), whole.narrow(axis, pixels, length)
        change = (here - there).abs() > max_ratio * torch.minimum(here, there)
        for middle in {pixels // 2, (pixels + 1) // 2}:
            steep.narrow(axis, middle, length).logical_or_(change)
    return depth.masked_fill(steep, torch.nan)
