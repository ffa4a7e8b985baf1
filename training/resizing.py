"""From a batch of samples to the network's input, on the batch's own device."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def prepare_pictures(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 3, H, W) uint8 to (B, 3, h, w) float32 in 0 to 1: the whole image, antialiased."""
    scaled = pictures.float() / 255
    if scaled.shape[-2:] == size:
        return scaled
    return F.interpolate(scaled, size, mode="bilinear", align_corners=False, antialias=True)


def prepare_depth(depth: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H, W) to (B, h, w) by the nearest pixel, so that holes and edges never mix."""
    if depth.shape[-2:] == size:
        return depth
    return F.interpolate(depth.unsqueeze(1), size, mode="nearest-exact").squeeze(1)


def resize_depth(depth: Tensor, size: tuple[int, int]) -> Tensor:
    """Predicted depth (B, h, w) to (B, H, W), bilinearly (the evaluation's rule)."""
    if depth.shape[-2:] == size:
        return depth
    resized = F.interpolate(depth.unsqueeze(1), size, mode="bilinear", align_corners=False)
    return resized.squeeze(1)
