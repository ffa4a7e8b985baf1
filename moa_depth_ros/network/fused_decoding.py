"""From cells to depth without ever writing the upsampled logits to memory.

N bins times H x W pixels are 26 MB for the paper's 224 x 224, and the plain path
(:meth:`MoADepthClip.decode`) goes through them five times. Here, a pixel's logits are made, used
and dropped: on CUDA in the registers of one kernel, on a CPU in stripes that fit into its cache.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from moa_depth_ros.machine.device_memory import is_out_of_memory
from moa_depth_ros.network.bins import DepthBins
from moa_depth_ros.network.upsample import linear_weights

STRIPE_VALUES = 2**18
"""Upsampled logits at a time on a CPU: 1 MB in float32, the size of a core's level-2 cache."""


class FusedDecoder(nn.Module):
    """Depth and uncertainty as from :meth:`MoADepthClip.decode`, up to float32 rounding.

    Args:
        bins: what the logits stand for.
        grid_size: (h, w) of the cells.
        size: (H, W) of the output.
        max_depth: metres; the far end of the regression.
    """

    rows: Tensor
    columns: Tensor
    moments: Tensor

    def __init__(
        self, bins: DepthBins, grid_size: tuple[int, int], size: tuple[int, int], max_depth: float
    ):
        super().__init__()
        self.grid_size, self.size, self.max_depth = grid_size, size, max_depth
        self._has_kernel = True  # until it fails
        centres = bins.centres
        powers = torch.stack([torch.ones_like(centres), centres, centres.square()])
        self.register_buffer("rows", linear_weights(grid_size[0], size[0], centres))
        self.register_buffer("columns", linear_weights(grid_size[1], size[1], centres))
        self.register_buffer("moments", powers)

    def forward(self, cells: Tensor) -> Tensor:
        """Decode the output of the heads.

        Args:
            cells: (B, h * w, N + 1): the logits of the bins, then the regression before its
                sigmoid; any float type.

        Returns:
            (B, 2, H, W) float32 metres: fused depth, then the standard deviation of the bin
            distribution.
        """
        if cells.is_cuda and self._has_kernel:
            maps = self._decode_by_kernel(cells)
            if maps is not None:
                return maps
        return torch.stack([self._decode(picture) for picture in cells.float()])

    def _decode_by_kernel(self, cells: Tensor) -> Tensor | None:
        """By Triton; None if that is not possible: the kernel is compiled on the robot, which needs
        Triton, a C compiler and Python's headers."""
        try:
            from moa_depth_ros.network.fused_decoding_cuda import decode

            return decode(cells, self.moments[1], self.grid_size, self.size, self.max_depth)
        except Exception as error:  # Triton and the compiler raise all kinds of errors
            if is_out_of_memory(error):
                raise  # which says nothing about the next time
            self._has_kernel = False
            logging.getLogger(__name__).warning(
                f"Depth is decoded by PyTorch, which is slower than the kernel: {error}"
            )
            return None

    def _decode(self, cells: Tensor) -> Tensor:
        """(h * w, N + 1) to (2, H, W)."""
        wide = cells.T.unflatten(1, self.grid_size) @ self.columns.T
        # On CUDA, all rows at once: there, another kernel costs more than it saves.
        stripe = self.size[0] if cells.is_cuda else STRIPE_VALUES // (len(wide) * self.size[1])
        stripes = self.rows.split(max(1, stripe))
        return torch.cat([self._decode_rows(rows, wide) for rows in stripes], dim=1)

    def _decode_rows(self, rows: Tensor, wide: Tensor) -> Tensor:
        """(r, h) weights and (N + 1, h, W) to (2, r, W)."""
        values = (rows @ wide).flatten(1)
        logits, regression = values[:-1], values[-1]
        likelihoods = logits.sub_(logits.amax(dim=0)).exp_()
        total, mean, mean_square = self.moments @ likelihoods
        mean, mean_square = mean / total, mean_square / total
        depth = (mean + regression.sigmoid() * self.max_depth) / 2
        spread = (mean_square - mean.square()).clamp_min(0).sqrt()
        return torch.stack([depth, spread]).unflatten(1, (len(rows), self.size[1]))
