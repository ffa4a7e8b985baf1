"""A training step as two CUDA graphs: for a small network, launching kernels takes longer than
running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from training.losses import LossTerms

_WARM_UP = 3  # steps before a capture, for libraries to choose their kernels


class GraphedStep:
    """Loss and gradients of batches of one shape, captured with the first batch and replayed.

    Two graphs, not one: the check whether the loss is finite starts between them, and is answered
    while the second runs.

    Args:
        terms_of: computes the loss of images and label. It must not wait for the device, nor
            depend on anything but their values and the parameters'.
        parameters: the trainable ones. Their gradients are overwritten, not accumulated, and must
            stay where they are: they may not be set to None.
    """

    def __init__(
        self,
        terms_of: Callable[[Tensor, Tensor], LossTerms],
        parameters: Iterable[nn.Parameter],
    ):
        self._terms_of = terms_of
        self._parameters = list(parameters)
        self._inputs: tuple[Tensor, Tensor] | None = None

    def forward(self, pictures: Tensor, label: Tensor) -> LossTerms:
        """The loss of a batch, in its own memory and without a gradient function.

        Raises:
            RuntimeError: something in the step can't be captured.
        """
        if self._inputs is None:
            self._inputs = pictures.clone(), label.clone()
            self._capture()
        for own, new in zip(self._inputs, (pictures, label), strict=True):
            own.copy_(new)
        self._replay_forward()
        return LossTerms(*self._values.clone().unbind())

    def backward(self) -> None:
        """Write the gradients of the loss that :meth:`forward` returned last."""
        self._replay_backward()

    def _capture(self) -> None:
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._forget_gradients()
                self._run_forward()
                self._run_backward()
        here.wait_stream(aside)
        # The gradients created in the capture belong to its memory, where each replay writes them.
        self._forget_gradients()
        pool = torch.cuda.graph_pool_handle()
        self._replay_forward = captured(self._run_forward, aside, pool)
        self._replay_backward = captured(self._run_backward, aside, pool)

    def _run_forward(self) -> None:
        assert self._inputs is not None
        terms = self._terms_of(*self._inputs)
        self._total, self._values = terms.total, torch.stack(terms).detach()

    def _run_backward(self) -> None:
        with torch.autocast(self._total.device.type, enabled=False):  # as in Lightning's own
            self._total.backward()

    def _forget_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None


def captured(
    function: Callable[[], None], stream: torch.cuda.Stream, pool: Any
) -> Callable[[], None]:
    """The function's work on the device, as one launch."""
    graph = torch.cuda.CUDAGraph()
    # Meanwhile, threads that page-lock memory for the next batches may continue.
    with torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"):
        function()
    return graph.replay
