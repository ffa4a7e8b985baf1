"""The two predictors that need no network: a model that does not beat them has learned nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from training.data.depth_set import DepthSet
from training.data.workers import data_loader
from training.errors import DataError
from training.judging.predictors import UNNAMED, Predicted
from training.metrics import MAX_DEPTH, MIN_DEPTH
from training.resizing import resize_depth

BASELINES = ("mean depth", "mean depth per pixel")
"""Their names."""

MOST_MAPS = 2000
"""Training maps that they average, at most: more take minutes to read, and change nothing."""


class FixedDepth:
    """A predictor that gives the same depth map for every image.

    Args:
        depth: (H, W) float32 metres.
    """

    def __init__(self, depth: Tensor):
        self.depth = depth
        self._kept: dict[tuple[torch.device, tuple[int, int]], Tensor] = {}

    def predict(self, size: tuple[int, int]) -> Tensor:
        """(1, height, width) metres at ``size``, resized bilinearly."""
        return resize_depth(self.depth.unsqueeze(0), size)

    def __call__(
        self, pictures: Tensor, indices: Sequence[int], size: tuple[int, int]
    ) -> Predicted:
        """As a :class:`~training.judging.predictors.Predictor`."""
        place = pictures.device, size
        if place not in self._kept:  # copying to a GPU would wait for it in every batch
            self._kept[place] = self.predict(size).to(pictures.device)
        return Predicted({UNNAMED: self._kept[place].expand(len(pictures), -1, -1)})


class _DepthOnly(Dataset[np.ndarray]):
    """The depth of a data set, without reading its images."""

    def __init__(self, pictures: DepthSet):
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, item: int) -> np.ndarray:
        return self.pictures.depth(item)


def maps_read(count: int) -> list[int]:
    """Which maps of a training set are averaged: all, or :data:`MOST_MAPS` spread evenly."""
    return np.linspace(0, count - 1, min(count, MOST_MAPS)).round().astype(int).tolist()


def baselines_of(train_set: DepthSet, workers: int = 0) -> dict[str, FixedDepth]:
    """Both predictors of :func:`fit_baselines` for the :func:`maps_read` of a training set.

    Args:
        train_set: only its depth is read.
        workers: processes that read; 0 reads in this one.

    Raises:
        DataError: it cannot be read, or has no reading at all.
        TrainingError: a worker lacks memory.
    """
    sampler = maps_read(len(train_set))
    # In batches, which the worker itself puts into shared memory: if that is full, its queue's
    # thread would lose the error, and leave this process waiting.
    maps = data_loader(_DepthOnly(train_set), workers, batch_size=1, sampler=sampler)
    progress = tqdm(maps, desc="training depth", disable=None)
    return fit_baselines(batch[0].numpy() for batch in progress)


def fit_baselines(depths: Iterable[np.ndarray]) -> dict[str, FixedDepth]:
    """Both, named as in :data:`BASELINES`, from a training set's valid readings.

    A pixel that never has one gets the mean of all.

    Args:
        depths: maps (H, W) of one size, metres; readings outside 1e-3 to 10 m don't count.

    Raises:
        DataError: there is no reading at all.
    """
    total: NDArray[np.float64] = np.zeros(1)
    count: NDArray[np.int64] = np.zeros(1, np.int64)
    for depth in depths:
        valid = (depth > MIN_DEPTH) & (depth < MAX_DEPTH)
        total = total + np.where(valid, depth, np.float32(0))
        count = count + valid
    if not np.sum(count):
        raise DataError("the training set has no valid depth at all")
    mean = np.sum(total) / np.sum(count)
    per_pixel = np.where(count > 0, total / np.maximum(count, 1), mean)
    maps = np.full(per_pixel.shape, mean), per_pixel
    fixed = (FixedDepth(torch.from_numpy(values.astype(np.float32))) for values in maps)
    return dict(zip(BASELINES, fixed, strict=True))
