"""A trained network as a robot runs it: images in, depth and uncertainty out, nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moa_depth_ros.network.folding import FoldedEmbedding, fold_tower, folded_heads
from moa_depth_ros.network.fused_decoding import FusedDecoder
from moa_depth_ros.network.moa_depth_clip import MoADepthClip


class InferenceNetwork(nn.Module):
    """``network.decode(network(pictures / 255))`` without what only training needs.

    Weights are folded, including the scene context, by :mod:`moa_depth_ros.network.folding`;
    decoding is :class:`FusedDecoder`'s.

    Args:
        network: provides the weights; its tower is taken over and changed, so don't use it again.
        dtype: of tower and heads; normalisation and decoding stay float32.
    """

    def __init__(self, network: MoADepthClip, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config = network.config
        self.heads = folded_heads(network).to(dtype)
        fold_tower(network.tower)
        visual = network.tower.visual
        self.embedding = FoldedEmbedding(visual, network.mean, network.std, dtype)
        del visual.conv1  # or its weights would exist twice
        self.tower = network.tower.to(dtype)
        self.decoder = FusedDecoder(
            network.bins,
            network.tower.grid_size,
            network.config.input_size,
            network.config.max_depth,
        )
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Depth and uncertainty.

        Args:
            pictures: (B, 3, H, W) float32 RGB in 0 to 255 at ``config.input_size``.

        Returns:
            (B, 2, H, W) float32 metres: fused depth, then the standard deviation of the bins.
        """
        return self.decoder(self.heads(self.tower.features(self.embedding(pictures))))
