"""Bilinear upsampling as two matrix products."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def upsample(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """``F.interpolate(cells, size, mode="bilinear")``, several times as fast on a CPU.

    Bilinear interpolation is separable: one small matrix for the rows and one for the columns. The
    backward pass, otherwise the slowest part of a training step, is then two products as well.

    Args:
        cells: (B, C, h, w).
        size: (H, W).

    Returns:
        (B, C, H, W).
    """
    rows = linear_weights(cells.shape[-2], size[0], cells)
    columns = linear_weights(cells.shape[-1], size[1], cells)
    return rows @ (cells @ columns.T)


def linear_weights(cells: int, pixels: int, like: Tensor) -> Tensor:
    """(pixels, cells) weights of each cell in each pixel, with the dtype and device of ``like``."""
    unit = torch.eye(cells, dtype=like.dtype, device=like.device).unsqueeze(0)
    return F.interpolate(unit, size=pixels, mode="linear")[0].T
