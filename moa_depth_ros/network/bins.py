"""Fixed depth bins (paper, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moa_depth_ros.network.config import BinSpacing


class DepthBins(nn.Module):
    """N fixed bins between two depths, in metres.

    Attributes:
        edges: (N + 1,) float32, rising from ``min_depth`` to ``max_depth``.
        centres: (N,) float32, the middles of the edges.
    """

    edges: Tensor
    centres: Tensor

    def __init__(self, num_bins: int, spacing: BinSpacing, min_depth: float, max_depth: float):
        super().__init__()
        edges = _edges(num_bins, spacing, min_depth, max_depth).float()
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("centres", (edges[1:] + edges[:-1]) / 2, persistent=False)

    def index(self, depth: Tensor) -> Tensor:
        """Bin of each depth (metres, any shape): long, 0 to N - 1; the end bins take the rest."""
        return torch.bucketize(depth, self.edges[1:-1], right=True)

    def expectation(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the bin distribution.

        Args:
            logits: (B, N, H, W).

        Returns:
            Two (B, H, W) float32 tensors in metres.
        """
        probabilities = logits.float().softmax(dim=1)
        moments = torch.stack([self.centres, self.centres.square()])
        with torch.autocast(logits.device.type, enabled=False):  # it would affect einsum
            mean, mean_square = torch.einsum("bnhw,mn->mbhw", probabilities, moments)
        return mean, (mean_square - mean.square()).clamp_min(0).sqrt()


def _edges(num_bins: int, spacing: BinSpacing, min_depth: float, max_depth: float) -> Tensor:
    # The device is given so that the values are real even inside torch.device("meta").
    steps = torch.linspace(0, 1, num_bins + 1, dtype=torch.float64, device="cpu")
    if spacing == "uniform":
        return min_depth + (max_depth - min_depth) * steps
    # SID (DORN, Fu et al. 2018, Eq. 1) shifts both ends so that the near end becomes 1.
    shift = 1 - min_depth if spacing == "sid" else 0.0
    near, far = min_depth + shift, max_depth + shift
    return near * (far / near) ** steps - shift
