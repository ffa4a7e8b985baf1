"""A function of tensors as CUDA graphs: one launch instead of the several hundred of a network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # runs before a capture, for kernels to be chosen and compiled
# Shapes; each costs the memory of a run. A robot's camera adds one: its size, or, beside others of
# this size, a larger batch.
CAPACITY = 16

Function = Callable[..., Tensor]


class CudaGraphs:
    """Captures a function once for each shape of its inputs, and replays it from then on.

    Args:
        function: of CUDA tensors, to one tensor; it may neither wait for the device nor depend on
            anything but the tensors' values. Memory that it reads beside them must stay in place.
    """

    def __init__(self, function: Function):
        self._function = function
        self._graphs: OrderedDict[tuple, _Graph] = OrderedDict()

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The function's value, in memory of its own. A new shape takes a capture first; the one
        used longest ago is forgotten for it."""
        key = tuple((tensor.shape, tensor.dtype) for tensor in inputs)
        if key not in self._graphs:
            while len(self._graphs) >= CAPACITY:
                self._graphs.popitem(last=False)
            self._graphs[key] = _Graph(self._function, inputs)
        self._graphs.move_to_end(key)
        return self._graphs[key].replay(inputs)

    def clear(self) -> None:
        """Let all graphs and their memory go."""
        self._graphs.clear()


class _Graph:
    def __init__(self, function: Function, inputs: tuple[Tensor, ...]):
        device = inputs[0].device
        # The stream is entered so that a capture that fails at its end leaves the thread on it.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
            self._inputs = [tensor.clone() for tensor in inputs]
            present, aside = torch.cuda.current_stream(), torch.cuda.Stream()
            aside.wait_stream(present)
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    function(*self._inputs)
            present.wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            # Other threads may go on using CUDA meanwhile. PyTorch's own stream for captures, the
            # default, belongs to the device that captured first, which may be another one.
            capture = torch.cuda.graph(self._graph, stream=aside, capture_error_mode="thread_local")
            with capture:
                self._output = function(*self._inputs)

    def replay(self, inputs: tuple[Tensor, ...]) -> Tensor:
        for own, new in zip(self._inputs, inputs, strict=True):
            own.copy_(new)
        self._graph.replay()
        return self._output.clone()
