"""From a batch of samples to what the network takes, on the batch's own device."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_GREY = (0.299, 0.587, 0.114)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training pictures are varied. The paper names no augmentation; flips are harmless.

    Args:
        flip: probability of a left-right flip.
        brightness: largest relative change of all values, drawn evenly to both sides.
        contrast: largest relative change of the distance from the picture's mean.
        saturation: largest relative change of the distance from grey.
        seed: of everything drawn.
    """

    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    seed: int = 0


def prepare_pictures(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 3, H, W) uint8 to (B, 3, h, w) float32 in 0 to 1: the whole picture, antialiased."""
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


def augment(
    pictures: Tensor, depth: Tensor, index: Tensor, epoch: int, config: Augmentation
) -> tuple[Tensor, Tensor]:
    """Vary each picture by numbers drawn from seed, epoch and its index alone.

    So neither batch size, nor the number of processes, nor a resumption changes them.

    Args:
        pictures: (B, 3, H, W) float in 0 to 1.
        depth: (B, H, W), flipped with its picture.
        index: (B,) numbers of the pictures in their data set.
    """
    drawn = [np.random.default_rng((config.seed, epoch, int(i))).random(4) for i in index.tolist()]
    draws = torch.tensor(np.array(drawn), dtype=torch.float32).to(pictures.device)
    flip = draws[:, 0] < config.flip
    pictures = torch.where(flip.view(-1, 1, 1, 1), pictures.flip(-1), pictures)
    depth = torch.where(flip.view(-1, 1, 1), depth.flip(-1), depth)
    return _vary_colour(pictures, 2 * draws[:, 1:] - 1, config), depth


def _vary_colour(pictures: Tensor, changes: Tensor, config: Augmentation) -> Tensor:
    """``changes``: (B, 3) in -1 to 1, for brightness, contrast and saturation."""
    if not (config.brightness or config.contrast or config.saturation):
        return pictures
    limits = changes.new_tensor([config.brightness, config.contrast, config.saturation])
    factors = (1 + changes * limits).view(-1, 3, 1, 1, 1).unbind(1)
    pictures = pictures * factors[0]
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * factors[1]
    grey = (pictures * pictures.new_tensor(_GREY).view(3, 1, 1)).sum(dim=1, keepdim=True)
    return (grey + (pictures - grey) * factors[2]).clamp(0, 1)
