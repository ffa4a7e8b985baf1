"""Compiled training steps: the modes, where they can't be used, and what they need."""

from __future__ import annotations

from typing import Literal

from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn import functional as F

from training.errors import TrainingError

CompileMode = Literal["cuda-graph", "default", "reduce-overhead", "max-autotune"]


def check_compilation(mode: CompileMode, trainer: Trainer) -> None:
    """Refuse CUDA graphs where several batches or processes share a step, or without a GPU.

    Raises:
        TrainingError: naming the option.
    """
    if mode == "default":
        return
    # The gradients are in the graphs' memory, where the next batch's replay overwrites them.
    if trainer.accumulate_grad_batches != 1:
        raise TrainingError(
            "model.compile: expected default, because trainer.accumulate_grad_batches is "
            f"{trainer.accumulate_grad_batches} and CUDA graphs can't accumulate gradients; found "
            f"{mode}"
        )
    if mode != "cuda-graph":
        return
    if trainer.world_size != 1 or trainer.precision == "16-mixed":
        raise TrainingError(
            "model.compile: expected one process and a precision other than 16-mixed for "
            f"cuda-graph; found {trainer.world_size} and {trainer.precision}"
        )
    if trainer.strategy.root_device.type != "cuda":
        raise TrainingError("model.compile: expected a GPU for cuda-graph, found none")


def fill_up(pictures: Tensor, label: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Pad a batch to ``count`` images; without depth, the padding doesn't count in the loss.

    The last batch of an epoch, with fewer images, would otherwise be compiled or captured again.
    """
    missing = count - len(pictures)
    return F.pad(pictures, (0, 0) * 3 + (0, missing)), F.pad(label, (0, 0) * 2 + (0, missing))
