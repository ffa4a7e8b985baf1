"""The packed mixture of adapters, compared with the paper's formulas, expert by expert."""

import math

import pytest
import torch
from torch.nn import functional as F

from moa_depth_ros.network import MixtureOfAdapters, gate_entropy


def formula(moa: MixtureOfAdapters, x: torch.Tensor) -> torch.Tensor:
    """Eq. 1 to 3, written as printed: one expert after the other, one token at a time."""
    rank = moa.bottleneck
    adapted = torch.empty_like(x)
    for i, token in enumerate(x):
        hidden = F.relu(F.linear(token, moa.gate[0].weight, moa.gate[0].bias))
        scores = F.linear(hidden, moa.gate[2].weight, moa.gate[2].bias)
        powers = [math.exp(score / moa.temperature) for score in scores]
        mixture = torch.zeros_like(token)
        for k, power in enumerate(powers):
            own = slice(k * rank, (k + 1) * rank)
            w1, b1 = moa.down.weight[own], moa.down.bias[own]
            w2, b2 = moa.up.weight[:, own], moa.up_bias[k]
            mixture += power / sum(powers) * (w2 @ F.gelu(w1 @ token + b1) + b2)
        adapted[i] = token + mixture
    return adapted


@pytest.mark.parametrize("num_experts", [1, 2, 4, 8, 16])
def test_equals_the_formula_expert_by_expert(num_experts):
    torch.manual_seed(num_experts)
    moa = MixtureOfAdapters(24, num_experts, 6, 10, temperature=2.0).double()
    for parameter in moa.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(7, 24, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(moa(x), formula(moa, x), rtol=1e-12, atol=1e-12)


def test_starts_near_the_identity_but_not_at_it():
    torch.manual_seed(0)
    moa = MixtureOfAdapters(768, 4, 64, 128, temperature=2.0)
    x = torch.randn(2, 50, 768)
    change = (moa(x) - x).abs().mean() / x.abs().mean()
    assert 0 < change < 0.02


def test_is_deterministic_and_the_same_in_training():
    moa = MixtureOfAdapters(16, 4, 4, 8, temperature=2.0)
    x = torch.randn(3, 5, 16)
    assert torch.equal(moa.train()(x), moa.eval()(x))


def test_temperature_flattens_the_gate():
    torch.manual_seed(0)
    sharp, flat = (MixtureOfAdapters(16, 4, 4, 8, temperature=t) for t in (0.1, 10.0))
    flat.load_state_dict(sharp.state_dict())
    x = torch.randn(20, 16)
    assert gate_entropy(flat.gates(x)).mean() > gate_entropy(sharp.gates(x)).mean()


def test_gate_entropy_by_hand():
    gates = torch.tensor([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    expected = torch.tensor([math.log(4), 0.0, math.log(2)])
    torch.testing.assert_close(gate_entropy(gates), expected)
