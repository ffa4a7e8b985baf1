"""Decoding by the paper's formula, in float64; as a program, compares the CUDA kernel with it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from moa_depth_ros.network.bins import DepthBins

Size = tuple[int, int]

CASES = {
    "papers-grid": (7, 7, 28, 28, 128),
    "demos-grid": (9, 12, 27, 36, 64),
    "odd-sizes": (3, 5, 23, 31, 13),
    "one-cell": (1, 1, 4, 4, 2),
    "smaller-output": (6, 8, 3, 4, 10),
    "large-logits": (2, 3, 8, 12, 13),
}
"""Rows and columns of cells, then of pixels, and bins."""


def make_cells(case: str) -> tuple[Tensor, DepthBins, Size, Size]:
    """Cells (2, h * w, N + 1) of two images, some sure and some not; bins; both sizes."""
    rows, columns, height, width, bins = CASES[case]
    generator = torch.Generator().manual_seed(0)
    cells = 4 * torch.randn(2, rows * columns, bins + 1, generator=generator)
    if case == "large-logits":  # whose exp() is infinite; a common offset means nothing
        cells[..., :-1] += 100
    return cells, DepthBins(bins, "uniform", 1e-3, 10.0), (rows, columns), (height, width)


def plain(cells: Tensor, bins: DepthBins, grid: Size, size: Size) -> Tensor:
    """(B, 2, H, W) float32: fused depth and standard deviation."""
    maps = cells.double().transpose(1, 2).unflatten(2, grid)
    maps = F.interpolate(maps, size, mode="bilinear")
    probabilities = maps[:, :-1].softmax(dim=1)
    centres = bins.centres.double().view(1, -1, 1, 1)
    mean = (probabilities * centres).sum(dim=1)
    variance = (probabilities * (centres - mean.unsqueeze(1)) ** 2).sum(dim=1)
    depth = (mean + 10 * maps[:, -1].sigmoid()) / 2
    return torch.stack([depth, variance.sqrt()], dim=1).float()


def check_the_kernel() -> None:
    """Print each case in which the kernel agrees; raise at the first in which it does not."""
    from moa_depth_ros.network.fused_decoding_cuda import decode

    for case in CASES:
        cells, bins, grid, size = make_cells(case)
        found = decode(cells, bins.centres, grid, size, 10.0)
        torch.testing.assert_close(found, plain(cells, bins, grid, size), rtol=1e-4, atol=1e-4)
        print(case)
    print("equal")


if __name__ == "__main__":
    check_the_kernel()
