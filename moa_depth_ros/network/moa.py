"""Mixture of adapters (paper, section 3.1, Eq. 1 to 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UP_INIT_STD = 1e-3
"""Training starts near the pretrained function; from exact zeros, it would hardly move at 1e-5."""


class MixtureOfAdapters(nn.Module):
    """x + sum_k g_k(x) E_k(x) for every token, deterministic in training and inference (Eq. 3).

    Each expert E_k is Linear(d, r), GELU, Linear(r, d) with biases (Eq. 1); the gate is
    Linear(d, h), ReLU, Linear(h, K), softmax(. / tau) (Eq. 2). All experts run as two matrix
    products: their down-projections are stacked into one, each hidden slice is scaled by its
    gate, and their up-projections are stacked into the other.
    """

    def __init__(
        self, width: int, num_experts: int, bottleneck: int, gate_hidden: int, temperature: float
    ):
        super().__init__()
        self.num_experts = num_experts
        self.bottleneck = bottleneck
        self.temperature = temperature
        self.down = nn.Linear(width, num_experts * bottleneck)
        self.up = nn.Linear(num_experts * bottleneck, width, bias=False)
        self.up_bias = nn.Parameter(torch.zeros(num_experts, width))
        self.gate = nn.Sequential(
            nn.Linear(width, gate_hidden), nn.ReLU(), nn.Linear(gate_hidden, num_experts)
        )
        nn.init.normal_(self.up.weight, std=UP_INIT_STD)

    def gates(self, tokens: Tensor) -> Tensor:
        """Weights of the experts (Eq. 2): (..., d) to (..., K), positive, summing to 1."""
        return (self.gate(tokens) / self.temperature).softmax(dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Adapted tokens (Eq. 3), same shape (..., d)."""
        gates = self.gates(tokens)
        hidden = F.gelu(self.down(tokens)).unflatten(-1, (self.num_experts, self.bottleneck))
        gated = (hidden * gates.unsqueeze(-1)).flatten(-2)
        return tokens + self.up(gated) + gates @ self.up_bias


def gate_entropy(gates: Tensor) -> Tensor:
    """Entropy of gate weights in nats (Eq. 4): (..., K) to (...); from 0 (collapsed) to ln K."""
    return torch.special.entr(gates.float()).sum(dim=-1)
