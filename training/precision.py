"""The precision of a training run, if the configuration leaves it open."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["bf16-mixed", "32-true"]


def default_precision(accelerator: str) -> Precision:
    """bfloat16 on a GPU that supports it, with weights and losses in float32; else float32."""
    if computes_on_gpu(accelerator) and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    return "32-true"


def computes_on_gpu(accelerator: str) -> bool:
    """Whether the trainer uses a GPU."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
