"""The CUDA kernel of :mod:`moa_depth_ros.network.fused_decoding`, in Triton."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE_VALUES = 512
"""Logits that a program holds in registers: pixels times bins. With four times as many, too few
programs would fit at once to hide the latency of gathering."""


def decode(
    cells: Tensor,
    centres: Tensor,
    grid_size: tuple[int, int],
    size: tuple[int, int],
    max_depth: float,
) -> Tensor:
    """Upsampling, softmax, mean and standard deviation, sigmoid and fusion in one pass.

    Args:
        cells: (B, h * w, N + 1) logits and regression, any float type.
        centres: (N,) float32 metres.
        grid_size: (h, w).
        size: (H, W) of the output.
        max_depth: metres; the far end of the regression.

    Returns:
        (B, 2, H, W) float32 metres: depth and uncertainty.
    """
    batch, bins = len(cells), len(centres)
    maps = torch.empty((batch, 2, *size), device=cells.device)
    tile_pixels, tile_bins = tile_of(bins)
    programs = (triton.cdiv(size[0] * size[1], tile_pixels), batch)
    with torch.cuda.device_of(cells):  # Triton launches on the current device
        _decode[programs](
            cells.contiguous(),
            centres,
            maps,
            *grid_size,
            *size,
            bins,
            grid_size[0] / size[0],
            grid_size[1] / size[1],
            max_depth,
            TILE_PIXELS=tile_pixels,
            TILE_BINS=tile_bins,
        )
    return maps


def tile_of(bins: int) -> tuple[int, int]:
    """Pixels and bins that a program works on; it masks out surplus bins."""
    tile_bins = triton.next_power_of_2(bins)
    return max(1, TILE_VALUES // tile_bins), tile_bins


@triton.jit
def _neighbours(pixel, scale, cells):
    """The two cells next to a pixel and the weight of the second (PyTorch's bilinear rule)."""
    position = tl.maximum((pixel.to(tl.float32) + 0.5) * scale - 0.5, 0.0)
    first = tl.minimum(position.to(tl.int32), cells - 1)
    second = tl.minimum(first + 1, cells - 1)
    return first, second, position - first.to(tl.float32)


@triton.jit
def _between(a, b, weight):
    return a.to(tl.float32) * (1 - weight) + b.to(tl.float32) * weight


@triton.jit
def _decode(
    cells,
    centres,
    maps,
    grid_height,
    grid_width,
    height,
    width,
    bins,
    row_scale,
    column_scale,
    max_depth,
    TILE_PIXELS: tl.constexpr,
    TILE_BINS: tl.constexpr,
):
    pixel = tl.program_id(0) * TILE_PIXELS + tl.arange(0, TILE_PIXELS)
    inside = pixel < height * width
    top, bottom, down = _neighbours(pixel // width, row_scale, grid_height)
    left, right, across = _neighbours(pixel % width, column_scale, grid_width)

    cell_values = bins + 1
    cells += tl.program_id(1) * grid_height * grid_width * cell_values
    top_left = cells + (top * grid_width + left) * cell_values
    top_right = cells + (top * grid_width + right) * cell_values
    bottom_left = cells + (bottom * grid_width + left) * cell_values
    bottom_right = cells + (bottom * grid_width + right) * cell_values

    channel = tl.arange(0, TILE_BINS)[None, :]
    mask = inside[:, None] & (channel < bins)
    upper = _between(
        tl.load(top_left[:, None] + channel, mask=mask, other=0.0),
        tl.load(top_right[:, None] + channel, mask=mask, other=0.0),
        across[:, None],
    )
    lower = _between(
        tl.load(bottom_left[:, None] + channel, mask=mask, other=0.0),
        tl.load(bottom_right[:, None] + channel, mask=mask, other=0.0),
        across[:, None],
    )
    logits = tl.where(channel < bins, _between(upper, lower, down[:, None]), -float("inf"))

    likelihoods = tl.exp(logits - tl.max(logits, axis=1)[:, None])
    total = tl.sum(likelihoods, axis=1)
    centre = tl.load(centres + channel, mask=channel < bins, other=0.0)
    mean = tl.sum(likelihoods * centre, axis=1) / total
    deviation = centre - mean[:, None]
    variance = tl.sum(likelihoods * deviation * deviation, axis=1) / total

    regression = _between(
        _between(
            tl.load(top_left + bins, mask=inside, other=0.0),
            tl.load(top_right + bins, mask=inside, other=0.0),
            across,
        ),
        _between(
            tl.load(bottom_left + bins, mask=inside, other=0.0),
            tl.load(bottom_right + bins, mask=inside, other=0.0),
            across,
        ),
        down,
    )
    depth = (mean + tl.sigmoid(regression) * max_depth) / 2
    maps += tl.program_id(1) * 2 * height * width
    tl.store(maps + pixel, depth, mask=inside)
    tl.store(maps + height * width + pixel, tl.sqrt(variance), mask=inside)
