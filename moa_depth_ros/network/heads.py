"""The two prediction heads over features and scene context (paper, sections 3.2 and 3.3)."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

HEAD_INIT_STD = 0.01
START_FRACTION = 0.25
"""The regression starts at this fraction of the far end: about 2.5 m of 10 m."""


class ContextHead(nn.Module):
    """A 1x1 convolution over features with the scene context concatenated to every cell.

    The context is the same in every cell, so its part of the product is a bias: it is computed once
    per image instead of once per cell, with the same values and gradients.
    """

    def __init__(self, width: int, context_width: int, outputs: int):
        super().__init__()
        self.width = width
        self.linear = nn.Linear(width + context_width, outputs)
        nn.init.normal_(self.linear.weight, std=HEAD_INIT_STD)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """(B, cells, width) and (context width,) to (B, cells, outputs)."""
        of_features, of_context = self.linear.weight.split(
            [self.width, self.linear.in_features - self.width], dim=1
        )
        return F.linear(features, of_features, self.linear.bias + of_context @ context)


def start_regression(head: ContextHead) -> None:
    """Bias the head so that sigmoid(output) starts at :data:`START_FRACTION`."""
    nn.init.constant_(head.linear.bias, math.log(START_FRACTION / (1 - START_FRACTION)))
