"""The metrics and the protocol of NYU Depth V2, for any pair of depth maps.

Everything starts from sums over the valid pixels of each image (:func:`pixel_sums`): metrics of an
image come from its sums, metrics over all pixels from the sum of the sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from moa_depth_ros.intrinsics import NYU_KINECT

MIN_DEPTH = 1e-3
MAX_DEPTH = 10.0
METRICS = ("d1", "d2", "d3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog")
SUMS = ("pixels", "d1", "d2", "d3", "abs_rel", "sq_rel", "square", "log_square", "log_abs", "log")
Crop = Literal["eigen", "garg", "none"]

_EIGEN = (45, 471, 41, 601)
_GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)


def crop_bounds(crop: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Rows and columns that count: top, bottom, left, right, ends excluded.

    ``eigen`` is defined for 480x640 images and scaled to other sizes; ``garg`` is defined by
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
        nyu = (NYU_KINECT.height, NYU_KINECT.height, NYU_KINECT.width, NYU_KINECT.width)
        top, bottom, left, right = (
            round(edge * side / full) for edge, side, full in zip(_EIGEN, sizes, nyu, strict=True)
        )
    return top, bottom, left, right


class TrueDepth:
    """The valid pixels of a batch of true depth maps, found once for any number of predictions.

    A pixel inside the crop is valid if 1e-3 < truth < 10. Nothing here waits for the device.

    Args:
        truth: (B, H, W) metres; 0, NaN and infinity mean no reading.
        crop: which part of the image counts.

    Attributes:
        depth: (B, h, w) float64 metres of the h x w pixels inside the crop, 1 where not valid.
        log: (B, h, w) its natural logarithm.
        valid: (B, h, w) bool.
    """

    def __init__(self, truth: Tensor, crop: Crop = "eigen"):
        self._shape = truth.shape
        self._crop = crop_bounds(crop, (truth.shape[-2], truth.shape[-1]))
        depth = self._inside(truth)
        self.valid = (depth > MIN_DEPTH) & (depth < MAX_DEPTH)
        # The mask comes first: what is left out must not turn sums into NaN.
        self.depth = depth.where(self.valid, 1.0).double()
        self.log = self.depth.log()

    def match(self, prediction: Tensor) -> Tensor:
        """The same pixels of a prediction (B, H, W): (B, h, w) float64 metres.

        NaN counts as 1e-3, infinity as 10, and everything is clipped to that range.
        """
        return _clip(self._pixels(prediction))

    def median_scaled(self, prediction: Tensor) -> Tensor:
        """As :meth:`match`, but each image is scaled to the median of its truth before clipping."""
        pixels = self._pixels(prediction)
        factors = self._median / _masked_median(pixels, self.valid)
        return _clip(pixels * factors.nan_to_num(1.0).view(-1, 1, 1))

    def members(self, edges: Sequence[float] = (MIN_DEPTH, MAX_DEPTH)) -> Tensor:
        """Which valid pixels have their true depth between which edges, the far one included.

        Args:
            edges: R + 1 increasing depths in metres.

        Returns:
            (B, h, w, R) float64 of 0 and 1.
        """
        depth = self.depth.unsqueeze(-1)
        # Compared with numbers, which, unlike a tensor, need not be copied to the device.
        between = [(depth > near) & (depth <= far) for near, far in pairwise(edges)]
        return (torch.cat(between, dim=-1) & self.valid.unsqueeze(-1)).double()

    @cached_property
    def _median(self) -> Tensor:
        return _masked_median(self.depth, self.valid)

    def _pixels(self, prediction: Tensor) -> Tensor:
        """Those of a prediction, (B, h, w) float64: positive, without an upper limit."""
        if prediction.shape != self._shape:
            raise ValueError(
                f"expected depth of shape {tuple(self._shape)}, found {tuple(prediction.shape)}"
            )
        pixels = self._inside(prediction).double()
        return pixels.nan_to_num(nan=MIN_DEPTH, posinf=MAX_DEPTH).clamp_min(MIN_DEPTH)

    def _inside(self, depth: Tensor) -> Tensor:
        top, bottom, left, right = self._crop
        return depth[:, top:bottom, left:right].float()


def range_sums(pixels: Tensor, truth: TrueDepth, members: Tensor) -> Tensor:
    """Sums over the valid pixels of each image, one set for each range of depth; no gradient.

    Args:
        pixels: (B, h, w) as :meth:`TrueDepth.match` gives them.
        truth: what they are compared with.
        members: (B, h, w, R) as :meth:`TrueDepth.members` gives them.

    Returns:
        (B, R, 10) float64 in the order of :data:`SUMS`.
    """
    # Written in place, and multiplied row by row: a GPU gives each product to one of its cores,
    # and whole images would leave most of them idle.
    batch, height, width = pixels.shape
    terms = pixels.new_empty(batch, height, len(SUMS), width)
    count, d1, d2, d3, abs_rel, sq_rel, square, log_square, log_abs, log = terms.unbind(2)
    count.fill_(1)
    ratio = torch.maximum(pixels / truth.depth, truth.depth / pixels)
    for power, delta in enumerate((d1, d2, d3), start=1):
        delta.copy_(ratio < 1.25**power)
    difference = pixels - truth.depth
    torch.div(difference.abs(), truth.depth, out=abs_rel)
    torch.square(difference, out=square)
    torch.div(square, truth.depth, out=sq_rel)
    torch.sub(pixels.log(), truth.log, out=log)
    torch.square(log, out=log_square)
    torch.abs(log, out=log_abs)
    return (terms @ members).sum(dim=1).transpose(1, 2)


def pixel_sums(prediction: Tensor, truth: Tensor, crop: Crop = "eigen") -> Tensor:
    """Sums over the valid pixels of each image, by the rules of :class:`TrueDepth`.

    Args:
        prediction: (B, H, W) metres.
        truth: (B, H, W) metres; 0, NaN and infinity mean no reading.
        crop: which part of the image counts.

    Returns:
        (B, 10) float64 in the order of :data:`SUMS`.
    """
    judged = TrueDepth(truth, crop)
    return range_sums(judged.match(prediction), judged, judged.members()).squeeze(1)


def metrics_of(sums: Tensor) -> Tensor:
    """Metrics from sums: (..., 10) to (..., 9) in the order of :data:`METRICS`; NaN without pixels.

    Errors in metres or without a unit; deltas and relative errors as fractions; SILog times 100.
    """
    means = sums[..., 1:] / sums[..., :1]
    d1, d2, d3, abs_rel, sq_rel, square, log_square, log_abs, log = means.unbind(-1)
    log10 = log_abs / math.log(10.0)
    silog = 100 * (log_square - log.square()).clamp_min(0).sqrt()
    return torch.stack(
        [d1, d2, d3, abs_rel, sq_rel, square.sqrt(), log_square.sqrt(), log10, silog], dim=-1
    )


class Averages(NamedTuple):
    """Both averages over a set of images, by metric name; NaN if no image had a valid pixel.

    Attributes:
        per_image: metrics of each image, then averaged, as most papers do.
        pooled: metrics over all pixels at once.
        pictures: number of images that counted.
        without_valid: number of images left out because they had no valid pixel.
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
        """Add a batch of images: (B, 10) from :func:`pixel_sums`."""
        filled = sums[:, 0] > 0
        metrics = metrics_of(sums).where(filled.unsqueeze(1), 0.0)
        self.picture_metrics += metrics.sum(dim=0)
        self.pooled_sums += sums.sum(dim=0)
        self.counts += torch.stack([filled.sum(), (~filled).sum()])

    def compute(self) -> Averages:
        """Averages over all images so far."""
        pictures, without_valid = self.counts.tolist()
        per_image = (
            self.picture_metrics / pictures if pictures else self.picture_metrics * torch.nan
        )
        return Averages(
            _named(per_image), _named(metrics_of(self.pooled_sums)), pictures, without_valid
        )


def _clip(depth: Tensor) -> Tensor:
    return depth.clamp(MIN_DEPTH, MAX_DEPTH)


def _masked_median(values: Tensor, valid: Tensor) -> Tensor:
    """The median of each map, (B, h, w) to (B,): with an even number of values, the mean of the two
    in the middle; NaN without a valid one."""
    values, valid = values.flatten(1), valid.flatten(1)
    if not values.shape[1]:
        return values.new_full((len(values),), torch.nan)
    count = valid.sum(dim=1, keepdim=True)
    # Float32, the type that depths come in, sorts in half the time.
    ordered = values.float().masked_fill(~valid, torch.inf).sort(dim=1).values
    low = ordered.gather(1, (count - 1).clamp_min(0) // 2)
    high = ordered.gather(1, (count // 2).clamp_max(values.shape[1] - 1))
    return ((low.double() + high.double()) / 2).where(count > 0, torch.nan).squeeze(1)


def _named(values: Tensor) -> dict[str, float]:
    return dict(zip(METRICS, values.tolist(), strict=True))
