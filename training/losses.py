"""The composite loss of the paper (section 3.4), over the pixels that have a depth.

If several processes train together, every mean is over the valid pixels of all of them: the loss is
that of the global batch. A mean of the processes' own means would be another number, because their
counts of valid pixels differ and SILog is not linear.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F

from training.errors import check_ranges
from training.metrics import MIN_DEPTH

_SMALLEST_DEPTH = 1e-6
_SMALLEST_SQUARE = 1e-12


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights and forms of the loss; the defaults are the paper's.

    Args:
        cross_entropy: weight of the cross entropy against the bin index.
        l1: weight of the mean absolute error of the regressed depth.
        silog: weight of the scale-invariant logarithmic loss of the regressed depth.
        silog_form: ``paper`` for Eq. 6 as printed, ``literature`` for the usual square root.
        silog_scale: factor of either form.
        silog_lambda: share of the squared mean that the paper's form adds, the usual one subtracts.

    Raises:
        ValueError: a negative or infinite weight, a lambda outside 0 to 1, or only weights of 0.
    """

    cross_entropy: float = 1.0
    l1: float = 1.0
    silog: float = 0.5
    silog_form: Literal["paper", "literature"] = "paper"
    silog_scale: float = 10.0
    silog_lambda: float = 0.85

    def __post_init__(self) -> None:
        weights = ("cross_entropy", "l1", "silog", "silog_scale")
        check_ranges(self, {**dict.fromkeys(weights, (0.0, math.inf)), "silog_lambda": (0.0, 1.0)})
        if not (self.cross_entropy or self.l1 or self.silog * self.silog_scale):
            raise ValueError("loss: expected a weight above 0, found none: nothing would learn")


class LossTerms(NamedTuple):
    """Scalars, float32: each term unweighted, and the weighted sum."""

    cross_entropy: Tensor
    l1: Tensor
    silog: Tensor
    total: Tensor


def composite_loss(
    logits: Tensor,
    regressed: Tensor,
    depth: Tensor,
    bin_index: Tensor,
    max_depth: float,
    config: LossConfig,
) -> LossTerms:
    """All terms in float32, whatever the precision of the network.

    Without any valid pixel, all terms and all gradients are 0.

    Args:
        logits: (B, N, H, W) of the depth bins.
        regressed: (B, H, W) metres, positive.
        depth: (B, H, W) metres; what :func:`valid_pixels` leaves out has no reading.
        bin_index: (B, H, W) long, the bin of ``depth``; its value does not matter where there is
            no reading.
        max_depth: metres; the farthest that the network can predict.
        config: weights and forms of the terms.
    """
    with torch.autocast(logits.device.type, enabled=False):
        valid = valid_pixels(depth, max_depth)
        count = count_valid(valid)
        cross_entropy = masked_cross_entropy(logits.float(), bin_index, valid, count)
        regressed, depth = regressed.float(), depth.float()
        l1 = masked_l1(regressed, depth, valid, count)
        silog = masked_silog(regressed, depth, valid, count, config)
        total = config.cross_entropy * cross_entropy + config.l1 * l1 + config.silog * silog
    return LossTerms(cross_entropy, l1, silog, total)


def valid_pixels(depth: Tensor, max_depth: float) -> Tensor:
    """Where 1e-3 < depth <= ``max_depth`` (and so finite): bool, same shape.

    The near end is not that of the network's bins: the nearest bin includes what is nearer, and
    the regression reaches down to 0.
    """
    return (depth > MIN_DEPTH) & (depth <= max_depth)


def count_valid(valid: Tensor) -> Tensor:
    """Number of valid pixels in all processes, but at least 1: the divisor of the sums.

    Args:
        valid: (B, H, W) bool, of this process.
    """
    return _over_processes(valid.sum()).clamp_min(1)


def masked_cross_entropy(logits: Tensor, bin_index: Tensor, valid: Tensor, count: Tensor) -> Tensor:
    """Mean cross entropy over the ``count`` valid pixels; 0 without any."""
    labels = bin_index.masked_fill(~valid, -100)
    total = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return _over_processes(total) / count


def masked_l1(regressed: Tensor, depth: Tensor, valid: Tensor, count: Tensor) -> Tensor:
    """Mean |regressed - depth| in metres over the ``count`` valid pixels; 0 without any."""
    difference = torch.where(valid, regressed - depth.where(valid, 0.0), 0.0)
    return _over_processes(difference.abs().sum()) / count


def masked_silog(
    regressed: Tensor,
    depth: Tensor,
    valid: Tensor,
    count: Tensor,
    config: LossConfig,
) -> Tensor:
    """Scale-invariant logarithmic loss over the ``count`` valid pixels; 0 without any.

    With g = ln(regressed) - ln(depth): the paper prints 10 (Var(g) + 0.85 mean(g)^2) (Eq. 6);
    the literature has 10 sqrt(mean(g^2) - 0.85 mean(g)^2) (Eigen et al. 2014, as BTS scales it).
    """
    # The mask comes before the logarithm: a logarithm of 0 has a NaN gradient even where masked.
    g = torch.log(regressed.where(valid, 1.0).clamp_min(_SMALLEST_DEPTH))
    g = g - torch.log(depth.where(valid, 1.0))
    mean = _over_processes(g.sum()) / count
    variance = _over_processes((g - mean).where(valid, 0.0).square().sum()) / count
    if config.silog_form == "paper":
        return config.silog_scale * (variance + config.silog_lambda * mean.square())
    square = variance + (1 - config.silog_lambda) * mean.square()
    root = square.clamp_min(_SMALLEST_SQUARE).sqrt()
    return config.silog_scale * root.where(square > _SMALLEST_SQUARE, 0.0)


def _over_processes(total: Tensor) -> Tensor:
    """The sum of all processes' ``total``; with one process, ``total`` itself.

    Its gradient is summed over the processes, too. DDP divides the weights' gradients by the number
    of processes, each of which has the whole loss: the result is the gradient of one loss.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return total
    return all_reduce(total)
