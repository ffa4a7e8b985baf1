"""A function of tensors as CUDA graphs: one launch instead of a network's several hundred."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from moa_depth_ros.machine.device_memory import is_out_of_memory

WARM_UP = 3  # runs before a capture, in which kernels are chosen and compiled
# Shapes; each costs the memory of one run. A robot's camera adds one: its size, or, beside other
# cameras of this size, a larger batch.
CAPACITY = 16

Function = Callable[..., Tensor]


class CudaGraphs:
    """Captures a function once per shape of its inputs, and replays it from then on.

    If that fails, except for lack of memory, a warning says why, and the function is run directly.

    Args:
        function: from CUDA tensors to one tensor; it may neither wait for the device nor depend on
            anything but the tensors' values. Other memory that it reads must stay in place.
    """

    def __init__(self, function: Function):
        self._function = function
        self._graphs: OrderedDict[tuple, _Graph] = OrderedDict()
        self._capturing = True

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The function's value, in memory of its own. A new shape is captured first, and replaces
        the one used longest ago."""
        key = tuple((tensor.shape, tensor.dtype) for tensor in inputs)
        if key not in self._graphs and self._capturing:
            self._capture(key, inputs)
        if key not in self._graphs:
            return self._function(*inputs)
        self._graphs.move_to_end(key)
        return self._graphs[key].replay(inputs)

    def _capture(self, key: tuple, inputs: tuple[Tensor, ...]) -> None:
        while len(self._graphs) >= CAPACITY:
            self._graphs.popitem(last=False)
        try:
            self._graphs[key] = _Graph(self._function, inputs)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise  # which says nothing about the next time
            self._capturing = False
            logging.getLogger(__name__).warning(
                "Images go through the network operation by operation, which is slower than as a "
                f"CUDA graph: {error}"
            )

    def clear(self) -> None:
        """Free all graphs and their memory."""
        self._graphs.clear()


class _Graph:
    def __init__(self, function: Function, inputs: tuple[Tensor, ...]):
        device = inputs[0].device
        # The stream is entered because a capture that fails at its end leaves the thread on it.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
            self._inputs = [tensor.clone() for tensor in inputs]
            present, aside = torch.cuda.current_stream(), _stream_for_captures(device)
            aside.wait_stream(present)
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    function(*self._inputs)
            present.wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            pool = torch.cuda.graph_pool_handle()
            # Other threads may keep using CUDA meanwhile.
            capture = torch.cuda.graph(self._graph, pool, aside, capture_error_mode="thread_local")
            try:
                with capture:
                    self._output = function(*self._inputs)
            except BaseException:
                _end_allocating(device, pool)
                raise

    def replay(self, inputs: tuple[Tensor, ...]) -> Tensor:
        for own, new in zip(self._inputs, inputs, strict=True):
            own.copy_(new)
        self._graph.replay()
        return self._output.clone()


def _end_allocating(device: torch.device, pool: tuple[int, int]) -> None:
    """A capture that fails at its end leaves PyTorch's allocator recording, and an allocator that
    is recording never returns memory to the device."""
    with contextlib.suppress(RuntimeError):  # it has ended already
        torch._C._cuda_endAllocateToPool(device.index, pool)
        torch._C._cuda_releasePool(device.index, pool)


@cache
def _stream_for_captures(device: torch.device) -> torch.cuda.Stream:
    """One stream for all captures on a device: cuBLAS keeps 32 MB for each stream it ever ran on.
    PyTorch's own belongs to the device that captured first, which may be another one."""
    return torch.cuda.Stream(device)
