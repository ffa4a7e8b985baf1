"""A trained network as a robot runs it: pictures in, depth and uncertainty out, nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moa_depth_ros.network.fused_decoding import FusedDecoder
from moa_depth_ros.network.moa_depth_clip import MoADepthClip


class InferenceNetwork(nn.Module):
    """``network.decode(network(pictures))`` without what only training needs.

    Both heads are one linear layer, with the scene context folded into its bias: the context is the
    same in every cell of every picture. Decoding is :class:`FusedDecoder`'s.

    Args:
        network: whose weights to use; its tower is taken over and cast, so it is used up.
        dtype: of tower and heads; normalisation and decoding stay float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: MoADepthClip, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config = network.config
        self.heads = _folded_heads(network).to(dtype)
        self.tower = network.tower.to(dtype)
        self.decoder = FusedDecoder(
            network.bins,
            network.tower.grid_size,
            network.config.input_size,
            network.config.max_depth,
        )
        self.register_buffer("mean", network.mean)
        self.register_buffer("std", network.std)
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Depth and uncertainty.

        Args:
            pictures: (B, 3, H, W) RGB in 0 to 1 at ``config.input_size``.

        Returns:
            (B, 2, H, W) float32 metres: fused depth, then the standard deviation of the bins.
        """
        normalised = ((pictures - self.mean) / self.std).to(self.heads.weight.dtype)
        return self.decoder(self.heads(self.tower(normalised)))


@torch.no_grad()
def _folded_heads(network: MoADepthClip) -> nn.Linear:
    """(B, cells, width) to (B, cells, N + 1): the logits, then the regression."""
    heads = (network.classification.linear, network.regression.linear)
    weight = torch.cat([head.weight for head in heads])
    bias = torch.cat([head.bias for head in heads])
    width = network.tower.width
    folded = nn.Linear(width, len(bias), device="meta")
    folded.weight = nn.Parameter(weight[:, :width].contiguous())
    folded.bias = nn.Parameter(bias + weight[:, width:] @ network.context)
    return folded
