"""The judge's sums over an image's pixels, as predicted or scaled by medians."""

from __future__ import annotations

from torch import Tensor

from training.metrics import Crop, TrueDepth, range_sums


def sums_of(prediction: Tensor, truth: Tensor, crop: Crop, scaled: bool) -> Tensor:
    """(B, 10) float64 of (B, H, W) metres."""
    judged = TrueDepth(truth, crop)
    pixels = judged.median_scaled(prediction) if scaled else judged.match(prediction)
    return range_sums(pixels, judged, judged.members()).squeeze(1)
