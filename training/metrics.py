"""The metrics and the protocol of NYU Depth V2, for any pair of depth maps.

Everything starts from sums over the valid pixels of each picture (:func:`pixel_sums`): metrics of
a picture come from its sums, metrics over all pixels from the sum of the sums.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

MIN_DEPTH = 1e-3
MAX_DEPTH = 10.0
METRICS = ("d1", "d2", "d3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog")
SUMS = ("pixels", "d1", "d2", "d3", "abs_rel", "sq_rel", "square", "log_square", "log_abs", "log")
Crop = Literal["eigen", "garg", "none"]

_NYU_SIZE = (480, 640)
_EIGEN = (45, 471, 41, 601)
_GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)


def crop_bounds(crop: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Rows and columns that count: top, bottom, left, right, the ends excluded.

    ``eigen`` is given for 480x640 pictures and scaled to other sizes; ``garg`` is made of
    fractions (Garg et al. 2016).
    """
    height, width = size
    if crop == "none":
        return 0, height, 0, width
    sizes = (height, height, width, width)
    if crop == "garg":
        top, bottom, left, right = (
            int(part * side) for part, side in zip(_GARG, sizes, strict=True)
        )
    else:
        nyu = (_NYU_SIZE[0], _NYU_SIZE[0], _NYU_SIZE[1], _NYU_SIZE[1])
        top, bottom, left, right = (
            round(edge * side / full) for edge, side, full in zip(_EIGEN, sizes, nyu, strict=True)
        )
    return top, bottom, left, right


def pixel_sums(
    prediction: Tensor, truth: Tensor, crop: Crop = "eigen", median_scaling: bool = False
) -> Tensor:
    """Sums over the valid pixels of each picture.

    A pixel is valid where 1e-3 < truth < 10 inside the crop. The prediction's NaN counts as 1e-3,
    infinity as 10, and it is clipped to between the two.

    Args:
        prediction: (B, H, W) metres.
        truth: (B, H, W) metres; 0, NaN and infinity are no reading.
        crop: which part of the picture counts.
        median_scaling: scale each prediction to the median of its truth first, then clip again.

    Returns:
        (B, 10) float64 in the order of :data:`SUMS`.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"expected depth of shape {tuple(truth.shape)}, found {prediction.shape}")
    top, bottom, left, right = crop_bounds(crop, (truth.shape[-2], truth.shape[-1]))
    prediction = _clean(prediction[:, top:bottom, left:right].float())
    truth = truth[:, top:bottom, left:right].float()
    valid = (truth > MIN_DEPTH) & (truth < MAX_DEPTH)
    return torch.stack(
        [
            _sums(p[v], t[v], median_scaling)
            for p, t, v in zip(prediction, truth, valid, strict=True)
        ]
    )


def metrics_of(sums: Tensor) -> Tensor:
    """Metrics from sums: (..., 10) to (..., 9) in the order of :data:`METRICS`; NaN without pixels.

    Errors in metres or none; deltas and relative errors as fractions; SILog times 100.
    """
    means = sums[..., 1:] / sums[..., :1]
    d1, d2, d3, abs_rel, sq_rel, square, log_square, log_abs, log = means.unbind(-1)
    log10 = log_abs / torch.log(log_abs.new_tensor(10.0))
    silog = 100 * (log_square - log.square()).clamp_min(0).sqrt()
    return torch.stack(
        [d1, d2, d3, abs_rel, sq_rel, square.sqrt(), log_square.sqrt(), log10, silog], dim=-1
    )


class Averages(NamedTuple):
    """Both averages of a set of pictures, by metric name; NaN where no picture had a valid pixel.

    Attributes:
        per_image: metrics of each picture, then averaged: the published way.
        pooled: metrics over all pixels at once.
        pictures: how many counted.
        without_valid: how many had no valid pixel and were left out.
    """

    per_image: dict[str, float]
    pooled: dict[str, float]
    pictures: int
    without_valid: int


class DepthMetrics(Metric):
    """Accumulates :func:`pixel_sums` over batches and processes."""

    full_state_update = False
    picture_metrics: Tensor
    pooled_sums: Tensor
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state(
            "picture_metrics", torch.zeros(len(METRICS), dtype=torch.float64), dist_reduce_fx="sum"
        )
        self.add_state(
            "pooled_sums", torch.zeros(len(SUMS), dtype=torch.float64), dist_reduce_fx="sum"
        )
        self.add_state("counts", torch.zeros(2, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, sums: Tensor) -> None:
        """Add a batch of pictures: (B, 10) from :func:`pixel_sums`."""
        filled = sums[:, 0] > 0
        self.picture_metrics += metrics_of(sums[filled]).sum(dim=0)
        self.pooled_sums += sums.sum(dim=0)
        self.counts += torch.stack([filled.sum(), (~filled).sum()])

    def compute(self) -> Averages:
        """Averages over all pictures so far."""
        pictures, without_valid = self.counts.tolist()
        per_image = (
            self.picture_metrics / pictures if pictures else self.picture_metrics * torch.nan
        )
        return Averages(
            _named(per_image), _named(metrics_of(self.pooled_sums)), pictures, without_valid
        )


def _clean(depth: Tensor) -> Tensor:
    return depth.nan_to_num(nan=MIN_DEPTH, posinf=MAX_DEPTH).clamp(MIN_DEPTH, MAX_DEPTH)


def _sums(prediction: Tensor, truth: Tensor, median_scaling: bool) -> Tensor:
    """Sums of one picture: both arguments (V,), its valid pixels."""
    prediction, truth = prediction.double(), truth.double()
    if median_scaling and truth.numel():
        scaled = prediction * (_median(truth) / _median(prediction))
        prediction = scaled.clamp(MIN_DEPTH, MAX_DEPTH)
    difference = prediction - truth
    log = prediction.log() - truth.log()
    ratio = torch.maximum(prediction / truth, truth / prediction)
    terms = [
        *((ratio < 1.25**power).double() for power in (1, 2, 3)),
        difference.abs() / truth,
        difference.square() / truth,
        difference.square(),
        log.square(),
        log.abs(),
        log,
    ]
    count = truth.new_tensor(float(truth.numel()))
    return torch.stack([count, *(term.sum() for term in terms)])


def _median(values: Tensor) -> Tensor:
    """The usual median: the mean of the two middle values of an even number."""
    count = values.numel()
    low = values.kthvalue((count + 1) // 2).values
    return low if count % 2 else (low + values.kthvalue(count // 2 + 1).values) / 2


def _named(values: Tensor) -> dict[str, float]:
    return dict(zip(METRICS, values.tolist(), strict=True))
