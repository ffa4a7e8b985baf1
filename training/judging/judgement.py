"""The result of judging one depth map of one predictor."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from training.judging.calibration import Calibration
from training.metrics import (
    MAX_DEPTH,
    METRICS,
    MIN_DEPTH,
    Averages,
    DepthMetrics,
    metrics_of,
)

RANGE_EDGES = (MIN_DEPTH, 1.0, 2.0, 3.0, 5.0, MAX_DEPTH)
RANGE_NAMES = tuple(f"{near:.0f}-{far:.0f} m" for near, far in pairwise(RANGE_EDGES))


@dataclasses.dataclass(frozen=True)
class Group:
    """Metrics of a part of the data set.

    Attributes:
        size: number of pixels in a range of depth, or of images of a scene type.
        metrics: by the names of :data:`training.metrics.METRICS`.
    """

    size: int
    metrics: dict[str, float]


@dataclasses.dataclass
class Judgement:
    """One depth map of one predictor, judged on N images; tensors are on the CPU.

    Attributes:
        model: name of the predictor.
        depth: ``fused``, ``binned``, ``regressed``, or ``-``.
        indices: the images' numbers in their data set.
        scenes: their scene types.
        range_sums: (N, R, 10) of :func:`training.metrics.range_sums` over :data:`RANGE_EDGES`.
        scaled_sums: (N, 10) after scaling each image to the median of its truth.
        calibration: of the uncertainty; None if the predictor has none.
    """

    model: str
    depth: str
    indices: Sequence[int]
    scenes: Sequence[str]
    range_sums: Tensor
    scaled_sums: Tensor
    calibration: Calibration | None

    @cached_property
    def plain(self) -> Averages:
        """As predicted."""
        return _averages(self.range_sums.sum(dim=1))

    @cached_property
    def median_scaled(self) -> Averages:
        """After median scaling."""
        return _averages(self.scaled_sums)

    @cached_property
    def per_picture(self) -> Tensor:
        """(N, 9) in the order of :data:`training.metrics.METRICS`, NaN without a valid pixel."""
        return metrics_of(self.range_sums.sum(dim=1))

    @cached_property
    def by_range(self) -> dict[str, Group]:
        """Over all pixels of each range of true depth; ranges without pixels are left out."""
        sums = self.range_sums.sum(dim=0)
        return {
            name: Group(int(values[0]), _averages(values.unsqueeze(0)).pooled)
            for name, values in zip(RANGE_NAMES, sums, strict=True)
            if values[0]
        }

    @cached_property
    def by_scene(self) -> dict[str, Group]:
        """Averages over the images of each scene type, by name; those without a valid pixel are
        left out."""
        groups = {}
        for scene in sorted(set(self.scenes)):
            chosen = torch.tensor([found == scene for found in self.scenes])
            averages = _averages(self.range_sums[chosen].sum(dim=1))
            if averages.pictures:
                groups[scene] = Group(averages.pictures, averages.per_image)
        return groups

    def ranked(self) -> list[int]:
        """Positions of the images with a valid pixel, from the lowest AbsRel to the highest."""
        values = self.per_picture[:, METRICS.index("abs_rel")]
        order = values.argsort(stable=True).tolist()
        return [position for position in order if not values[position].isnan()]


def _averages(sums: Tensor) -> Averages:
    metrics = DepthMetrics()
    metrics.update(sums)
    return metrics.compute()
