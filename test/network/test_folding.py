"""Folded weights, compared with what they were folded from."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from moa_depth_ros.network import MixtureOfAdapters, MoADepthClip, NetworkConfig
from moa_depth_ros.network.folding import FoldedEmbedding, FoldedMixture, fold_tower, folded_heads
from test.network.tiny import INPUT_SIZE, tiny_architecture

EXACT = {"rtol": 1e-12, "atol": 1e-12}


@torch.no_grad()
def with_random_weights(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        parameter.normal_(std=0.3)
    return module.double()


@torch.no_grad()
@pytest.mark.parametrize("num_experts", [1, 4])
def test_a_folded_mixture_equals_the_mixture(num_experts):
    torch.manual_seed(num_experts)
    mixture = with_random_weights(MixtureOfAdapters(24, num_experts, 6, 10, temperature=2.0))
    tokens = torch.randn(2, 7, 24, dtype=torch.float64)
    torch.testing.assert_close(FoldedMixture(mixture)(tokens), mixture(tokens), **EXACT)


@torch.no_grad()
@pytest.mark.parametrize("quick_gelu", [True, False])
def test_a_folded_tower_equals_the_tower(tmp_path, quick_gelu):
    torch.manual_seed(0)
    path = Path(tiny_architecture(tmp_path, f"tiny-quick-{quick_gelu}"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "quick_gelu": quick_gelu}))
    config = NetworkConfig(str(path), pretrained=None, input_size=INPUT_SIZE)
    tower = with_random_weights(MoADepthClip(config).tower)
    pictures = torch.randn(2, 3, *INPUT_SIZE, dtype=torch.float64)
    folded = deepcopy(tower)
    fold_tower(folded)
    kinds = {type(block.mlp.gelu) for block in folded.visual.transformer.resblocks}
    assert kinds == {nn.SiLU if quick_gelu else nn.GELU}
    torch.testing.assert_close(folded(pictures), tower(pictures), **EXACT)


@torch.no_grad()
@pytest.mark.parametrize("pictures", [1, 3])
def test_a_folded_embedding_equals_normalisation_and_embedding(network, pictures):
    with_random_weights(network)
    visual, mean, std = network.tower.visual, network.mean.double(), network.std.double()
    values = torch.randint(0, 256, (pictures, 3, *INPUT_SIZE)).double()
    expected = visual._embeds((values / 255 - mean) / std)
    found = FoldedEmbedding(visual, mean, std, torch.float64)(values)
    torch.testing.assert_close(found, expected, **EXACT)


@torch.no_grad()
def test_folded_heads_equal_the_heads(network):
    with_random_weights(network)
    network.context = torch.randn_like(network.context, dtype=torch.float64)
    features = torch.randn(1, 24, network.tower.width, dtype=torch.float64)
    heads = (network.classification, network.regression)
    expected = torch.cat([head(features, network.context) for head in heads], dim=-1)
    torch.testing.assert_close(folded_heads(network)(features), expected, **EXACT)
