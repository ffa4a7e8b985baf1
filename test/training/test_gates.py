"""How the experts share the work."""

from __future__ import annotations

import pytest
import torch


def test_gates_are_watched_as_the_mixture_computes_them():
    from moa_depth_ros.network import MixtureOfAdapters, gate_entropy
    from training.gates import GateStatistics, watch_gates

    torch.manual_seed(0)
    mixture = MixtureOfAdapters(16, 4, 4, 8, temperature=0.5)
    for parameter in mixture.parameters():
        torch.nn.init.normal_(parameter)
    moa, statistics = (torch.nn.ModuleDict({"2": m}) for m in (mixture, GateStatistics(4)))
    tokens = torch.randn(2, 3, 5, 16)
    with watch_gates(moa, statistics):
        for part in tokens:
            mixture(part)
    mixture(tokens[0])  # outside, nothing is counted
    gates = mixture.gates(tokens).flatten(0, -2)
    found = statistics["2"].compute()
    assert found["entropy"].item() == pytest.approx(gate_entropy(gates).mean().item(), rel=1e-5)
    weights = [found[f"weight_{k}"].item() for k in range(4)]
    assert weights == pytest.approx(gates.mean(0).tolist(), rel=1e-5)
