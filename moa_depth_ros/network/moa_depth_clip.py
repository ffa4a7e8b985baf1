"""The whole of MoA-DepthCLIP: image tower, scene context, two heads, fusion."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import open_clip
import torch
from torch import Tensor, nn

from moa_depth_ros.network.bins import DepthBins
from moa_depth_ros.network.clip import ClipParts, build_clip
from moa_depth_ros.network.config import NetworkConfig
from moa_depth_ros.network.heads import ContextHead, start_regression
from moa_depth_ros.network.tower import ImageTower
from moa_depth_ros.network.upsample import upsample


@dataclasses.dataclass
class Cells:
    """The output of the two heads for each cell, before upsampling.

    Attributes:
        logits: (B, N, h, w) of the depth bins.
        regression: (B, 1, h, w), before the sigmoid.
    """

    logits: Tensor
    regression: Tensor


@dataclasses.dataclass
class Prediction:
    """Depth in metres, float32, at one output size; the derived maps are computed when first read.

    Attributes:
        logits: (B, N, H, W) of the depth bins.
        regressed: (B, H, W) regressed depth.
        bins: what the logits stand for.
    """

    logits: Tensor
    regressed: Tensor
    bins: DepthBins

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        return self.bins.expectation(self.logits)

    @property
    def binned(self) -> Tensor:
        """(B, H, W) expected bin centre."""
        return self._moments[0]

    @property
    def uncertainty(self) -> Tensor:
        """(B, H, W) standard deviation of the bin distribution."""
        return self._moments[1]

    @property
    def depth(self) -> Tensor:
        """(B, H, W) fused depth: the mean of binned and regressed."""
        return (self.binned + self.regressed) / 2


class MoADepthClip(nn.Module):
    """The network of the paper's Fig. 1.

    Args:
        config: the choices that shape it.
        clip: parts to build it around; by default they are built from ``config``.

    Raises:
        ValueError: the configuration contradicts itself.
        RuntimeError: pretrained weights can be neither found nor downloaded.
    """

    context: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig, clip: ClipParts | None = None):
        super().__init__()
        clip = build_clip(config) if clip is None else clip
        self.config = config
        self.architecture = clip.architecture
        self.tower = ImageTower(clip.visual, config)
        self.register_buffer("context", clip.context)
        context_width = clip.context.numel()
        self.classification = ContextHead(self.tower.width, context_width, config.num_bins)
        self.regression = ContextHead(self.tower.width, context_width, 1)
        start_regression(self.regression)
        self.bins = DepthBins(
            config.num_bins, config.bin_spacing, config.min_depth, config.max_depth
        )
        self.register_buffer("mean", _channels(open_clip.OPENAI_DATASET_MEAN), persistent=False)
        self.register_buffer("std", _channels(open_clip.OPENAI_DATASET_STD), persistent=False)

    @property
    def moa(self) -> nn.ModuleDict:
        """The mixtures of adapters by block number."""
        return self.tower.moa

    def forward(self, pictures: Tensor) -> Cells:
        """Both heads on every cell.

        Args:
            pictures: (B, 3, H, W) RGB in 0 to 1 at ``config.input_size``.
        """
        dtype = self.classification.linear.weight.dtype
        features = self.tower(((pictures - self.mean) / self.std).to(dtype))
        context = self.context.to(dtype)
        return Cells(
            self._as_map(self.classification(features, context)),
            self._as_map(self.regression(features, context)),
        )

    def decode(self, cells: Cells) -> Prediction:
        """Depth at the input size, computed in float32.

        The logits are upsampled, not the depths: a pixel between two cells gets a mixture of their
        distributions, which keeps both sides of an edge possible.
        """
        size = self.config.input_size
        with torch.autocast(cells.logits.device.type, enabled=False):
            logits = upsample(cells.logits.float(), size)
            regression = upsample(cells.regression.float(), size).squeeze(1)
        return Prediction(logits, regression.sigmoid() * self.config.max_depth, self.bins)

    def _as_map(self, cells: Tensor) -> Tensor:
        return cells.transpose(1, 2).unflatten(2, self.tower.grid_size)


def _channels(values: tuple[float, float, float]) -> Tensor:
    return torch.tensor(values, device="cpu").view(3, 1, 1)
