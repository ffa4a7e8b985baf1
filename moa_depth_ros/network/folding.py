"""Folds a network's weights into fewer, larger operations: on a GPU, each operation is a launch."""

from __future__ import annotations

import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from moa_depth_ros.network.moa import MixtureOfAdapters
from moa_depth_ros.network.moa_depth_clip import MoADepthClip
from moa_depth_ros.network.tower import ImageTower

_QUICK_GELU = 1.702
_BRIGHTEST = 255  # the largest value of a camera


class FoldedMixture(nn.Module):
    """:class:`MixtureOfAdapters`, for inference.

    One product reads the tokens: the down-projections and the gate's first layer. Another one
    writes to them: the up-projections and, weighted by the gates, their biases. The temperature is
    folded into the gate's last layer.

    Args:
        mixture: provides the weights.
    """

    def __init__(self, mixture: MixtureOfAdapters):
        super().__init__()
        first, last = mixture.gate[0], mixture.gate[-1]
        assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
        self.num_experts = mixture.num_experts
        self.splits = len(mixture.down.bias), len(first.bias)
        self.read = _linear(
            torch.cat([mixture.down.weight, first.weight]),
            torch.cat([mixture.down.bias, first.bias]),
        )
        self.gate = _linear(last.weight / mixture.temperature, last.bias / mixture.temperature)
        self.write = _linear(torch.cat([mixture.up.weight, mixture.up_bias.T], dim=1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Adapted tokens (Eq. 3), same shape (..., d)."""
        hidden, gate_hidden = self.read(tokens).split(self.splits, dim=-1)
        gates = self.gate(F.relu(gate_hidden)).softmax(dim=-1)
        hidden = F.gelu(hidden).unflatten(-1, (self.num_experts, -1))
        gated = (hidden * gates.unsqueeze(-1)).flatten(-2)
        return tokens + self.write(torch.cat([gated, gates], dim=-1))


class FoldedEmbedding(nn.Module):
    """From a camera's values to tokens: normalisation in one pass, patch embedding as one product.

    Patches don't overlap, so CLIP's convolution is a product. The pass before it scales, converts
    the type and lays out the patches; the product adds their positions.

    Args:
        visual: provides the weights.
        mean: (1, 3, 1, 1), CLIP's, for values in 0 to 1.
        std: likewise.
        dtype: of the product.
    """

    scale: Tensor
    offset: Tensor
    positions: Tensor
    first: Tensor

    def __init__(self, visual: VisionTransformer, mean: Tensor, std: Tensor, dtype: torch.dtype):
        super().__init__()
        self.patch_size = visual.patch_size
        self.norm = visual.ln_pre
        self.weight = nn.Parameter(visual.conv1.weight.flatten(1).T.contiguous().to(dtype))
        positions = visual.positional_embedding
        first = visual.class_embedding + positions[0]
        self.register_buffer("scale", (1 / (_BRIGHTEST * std)).view(3, 1, 1))
        self.register_buffer("offset", (-mean / std).view(3, 1, 1))
        self.register_buffer("positions", positions[1:].detach().to(dtype))
        self.register_buffer("first", first.detach().to(dtype))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) float32 RGB in 0 to 255 to (B, 1 + h * w, width), the class token first."""
        rows, columns = self.patch_size
        patches = pictures.unflatten(3, (-1, columns)).unflatten(2, (-1, rows))
        patches = patches.permute(0, 2, 4, 1, 3, 5)  # image, row, column, colour, two in a patch
        normalised = patches.new_empty(patches.shape, dtype=self.weight.dtype)
        torch.addcmul(self.offset, patches, self.scale, out=normalised)
        count = len(pictures)
        tokens = torch.baddbmm(
            self.positions.expand(count, -1, -1),
            normalised.flatten(3).flatten(1, 2),
            self.weight.expand(count, -1, -1),
        )
        return self.norm(torch.cat([self.first.expand(count, 1, -1), tokens], dim=1))


@torch.no_grad()
def fold_tower(tower: ImageTower) -> None:
    """Fold the mixtures, and CLIP's x sigmoid(1.702 x) into SiLU, which is a single operation."""
    for layer, mixture in tower.moa.items():
        assert isinstance(mixture, MixtureOfAdapters)
        tower.moa[layer] = FoldedMixture(mixture)
    for block in tower.visual.transformer.resblocks:
        if isinstance(block.mlp.gelu, QuickGELU):
            block.mlp.c_fc.weight.mul_(_QUICK_GELU)
            block.mlp.c_fc.bias.mul_(_QUICK_GELU)
            block.mlp.gelu = nn.SiLU()
            block.mlp.c_proj.weight.div_(_QUICK_GELU)


@torch.no_grad()
def folded_heads(network: MoADepthClip) -> nn.Linear:
    """(B, cells, width) to (B, cells, N + 1): the logits, then the regression. The scene context is
    the same in every cell of every image, so its share is a bias."""
    heads = (network.classification.linear, network.regression.linear)
    weight = torch.cat([head.weight for head in heads])
    bias = torch.cat([head.bias for head in heads])
    width = network.tower.width
    return _linear(weight[:, :width].contiguous(), bias + weight[:, width:] @ network.context)


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A layer with these values, without random initialisation."""
    layer = nn.Linear(weight.shape[1], len(weight), bias=bias is not None, device="meta")
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer
