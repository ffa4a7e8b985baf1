"""CUDA without a GPU: PyTorch's fake tensors have a device, a type and a shape, but no values.

Mixing devices or types fails as it would on a GPU, and whatever the host has to wait for, or is
copied to or from the device, is recorded. Not recorded: backward passes, whose threads need a
device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchmetrics import Metric

_WAIT = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal"}
_INDEX = {"index", "index_put", "index_put_"}
_COPY = {"_to_copy", "copy_"}


class Crossings(TorchDispatchMode):
    """Records each operation that the host waits for, or that copies between host and device.

    Attributes:
        names: of the operations, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        given = _tensors((args, kwargs))
        # A mask is turned into as many indices as it has ones: a number the host must know.
        by_mask = name in _INDEX and any(i.dtype == torch.bool for i in _tensors(args[1]))
        if any(tensor.is_cuda for tensor in given) and (by_mask or name in _WAIT):
            self.names.append(name)  # before it fails for lack of values
        found = func(*args, **(kwargs or {}))
        if name in _COPY and len({tensor.device for tensor in [*given, found]}) > 1:
            self.names.append(name)
        return found


@contextmanager
def fake_cuda() -> Iterator[Crossings]:
    """Tensors made inside are fake ones, on any device; a module's parameters must be made fake by
    `put_on_fake_cuda`."""
    with FakeTensorMode(allow_non_fake_inputs=True), Crossings() as crossings:
        yield crossings


def put_on_fake_cuda(module: nn.Module) -> None:
    """Like ``module.cuda()``, within `fake_cuda`."""
    for part in module.modules():
        if isinstance(part, Metric):
            part._apply(_fake)
        for tensors in (part._parameters, part._buffers):
            tensors.update({name: _fake(tensor) for name, tensor in tensors.items()})


def _fake(tensor: Tensor | None) -> Any:
    if tensor is None:
        return None
    fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cuda")
    return nn.Parameter(fake, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else fake


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
