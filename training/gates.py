"""How the experts of an adapter mixture share the work: the paper's diagnostics (Eq. 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from moa_depth_ros.network import MixtureOfAdapters, gate_entropy


class GateStatistics(Metric):
    """Mean gate entropy and mean gate weight of each expert, over all tokens seen."""

    full_state_update = False
    weights: Tensor
    entropy: Tensor
    tokens: Tensor

    def __init__(self, num_experts: int):
        super().__init__()
        self.add_state(
            "weights", torch.zeros(num_experts, dtype=torch.float64), dist_reduce_fx="sum"
        )
        self.add_state("entropy", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("tokens", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, gates: Tensor) -> None:
        """Add the gates (..., K) of a batch of tokens."""
        gates = gates.detach().flatten(0, -2).double()
        self.weights += gates.sum(dim=0)
        self.entropy += gate_entropy(gates).sum()
        self.tokens += len(gates)

    def compute(self) -> dict[str, Tensor]:
        """``entropy`` in nats (at most ln K), and ``weight_k`` of each expert."""
        weights = self.weights / self.tokens
        named = {f"weight_{expert}": weight for expert, weight in enumerate(weights)}
        return {"entropy": self.entropy / self.tokens, **named}


@contextmanager
def watch_gates(moa: nn.ModuleDict, statistics: nn.ModuleDict) -> Iterator[None]:
    """Add the gates of every forward pass in this context to the statistics of their block.

    The gates are computed a second time here: the network itself keeps nothing for diagnostics.
    """

    def feed(block: str):
        @torch.no_grad()
        def hook(module: MixtureOfAdapters, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            statistics[block].update(module.gates(inputs[0]))  # type: ignore[operator]

        return hook

    handles = [mixture.register_forward_hook(feed(block)) for block, mixture in moa.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
