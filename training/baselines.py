"""The two predictors that need no network: a model that does not beat them has learned nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from training.errors import DataError
from training.metrics import MAX_DEPTH, MIN_DEPTH
from training.preparation import resize_depth


class FixedDepth:
    """Predicts the same depth map for every picture.

    Args:
        depth: (H, W) float32 metres.
    """

    def __init__(self, depth: Tensor):
        self.depth = depth

    def predict(self, count: int, size: tuple[int, int]) -> Tensor:
        """(count, height, width) metres at ``size``, resized bilinearly."""
        return resize_depth(self.depth.unsqueeze(0), size).expand(count, -1, -1)


def fit_baselines(depths: Iterable[np.ndarray]) -> dict[str, FixedDepth]:
    """``mean depth`` and ``mean depth per pixel`` of a training set, over its valid readings.

    A pixel that never has one gets the mean of all.

    Args:
        depths: maps (H, W) of one size, metres; readings outside 1e-3 to 10 m don't count.

    Raises:
        DataError: there is no reading at all.
    """
    total, count = 0.0, 0
    for depth in depths:
        valid = (depth > MIN_DEPTH) & (depth < MAX_DEPTH)
        total = total + np.where(valid, depth, 0.0).astype(np.float64)
        count = count + valid.astype(np.int64)
    if not np.sum(count):
        raise DataError("the training set has no valid depth at all")
    mean = np.sum(total) / np.sum(count)
    per_pixel = np.where(count > 0, total / np.maximum(count, 1), mean)
    return {
        "mean depth": FixedDepth(torch.full(per_pixel.shape, mean, dtype=torch.float32)),
        "mean depth per pixel": FixedDepth(torch.from_numpy(per_pixel.astype(np.float32))),
    }
