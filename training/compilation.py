"""Compiled training steps: which ones there are, where they can't be, and what they need."""

from __future__ import annotations

from typing import Literal

from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn import functional as F

from training.errors import TrainingError

CompileMode = Literal["cuda-graph", "default", "reduce-overhead", "max-autotune"]


def check_compilation(mode: CompileMode, trainer: Trainer) -> None:
    """Refuse CUDA graphs where several batches or processes make one step, or without a GPU.

    Raises:
        TrainingError: naming the option.
    """
    if mode == "default":
        return
    # The gradients lie in memory of the graphs, where the next batch's replay writes over them.
    if trainer.accumulate_grad_batches != 1:
        raise TrainingError(
            "model.compile: expected default, because trainer.accumulate_grad_batches is "
            f"{trainer.accumulate_grad_batches} and CUDA graphs don't add up gradients; found "
            f"{mode}"
        )
    if mode != "cuda-graph":
        return
    if trainer.world_size != 1 or trainer.precision == "16-mixed":
        raise TrainingError(
            "model.compile: expected one process and another precision than 16-mixed for "
            f"cuda-graph; found {trainer.world_size} and {trainer.precision}"
        )
    if trainer.strategy.root_device.type != "cuda":
        raise TrainingError("model.compile: expected a GPU for cuda-graph, found none")


def fill_up(pictures: Tensor, label: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """A batch of ``count`` pictures: those without depth at its end don't count in the loss.

    The last batch of an epoch, with fewer pictures, would be compiled or captured once more.
    """
    missing = count - len(pictures)
    return F.pad(pictures, (0, 0) * 3 + (0, missing)), F.pad(label, (0, 0) * 2 + (0, missing))
