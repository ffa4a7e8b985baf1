"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from training.errors import TrainingError, check_ranges

_WARM_UP = 0.05


@dataclasses.dataclass(frozen=True)
class OptimiserConfig:
    """AdamW over the trainable parameters; the defaults are the paper's (section 4.2).

    Args:
        lr: learning rate; with a schedule, the highest.
        weight_decay: of AdamW.
        schedule: ``constant``, or ``one_cycle``: a linear rise over the first twentieth of all
            steps, then half a cosine down to 0.

    Raises:
        ValueError: a negative or infinite rate or decay.
    """

    lr: float = 1e-5
    weight_decay: float = 1e-4
    schedule: Literal["constant", "one_cycle"] = "constant"

    def __post_init__(self) -> None:
        check_ranges(self, dict.fromkeys(("lr", "weight_decay"), (0.0, math.inf)))


def optimiser_of(
    learning: list[nn.Parameter], config: OptimiserConfig, trainer: Trainer | None
) -> Any:
    """What Lightning's ``configure_optimizers`` returns.

    Args:
        learning: the trainable parameters.
        config: of the optimiser.
        trainer: of the run, with which a schedule ends; None outside of a run.

    Raises:
        TrainingError: a schedule for a run without an end.
    """
    # One kernel for all weights. Lightning refuses to clip gradients with it.
    clipped = trainer is not None and trainer.gradient_clip_val
    fused = True if learning[0].is_cuda and not clipped else None
    optimiser = torch.optim.AdamW(
        learning, lr=config.lr, weight_decay=config.weight_decay, fused=fused
    )
    if config.schedule == "constant":
        return optimiser
    assert trainer is not None
    steps = trainer.estimated_stepping_batches
    if steps == float("inf"):
        raise TrainingError(
            f"trainer.max_epochs: expected a number of epochs, because {config.schedule} "
            f"ends with the run; found {trainer.max_epochs} without trainer.max_steps"
        )
    schedule = LambdaLR(optimiser, lambda step: one_cycle(step, int(steps)))
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def one_cycle(step: int, steps: int) -> float:
    """Factor of the learning rate at ``step`` of ``steps``: up in a line, down in half a cosine."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
