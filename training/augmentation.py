"""Augmentation of training images, on the batch's own device."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from moa_depth_ros.intrinsics import Intrinsics
from training.errors import check_ranges

_RANGES = {
    **dict.fromkeys(
        ("flip", "brightness", "contrast", "saturation", "gamma", "colour", "crop"), (0.0, 1.0)
    ),
    "rotation": (0.0, 180.0),
    "seed": (0.0, math.inf),
}
_GREY = (0.299, 0.587, 0.114)
_NUMBERS = 12
"""Drawn for each image: flip, brightness, contrast, saturation, gamma, red, green, blue,
rotation, size, horizontal and vertical place of the crop. Append new ones at the end, so that the
existing ones keep their values."""


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training images are augmented. The paper mentions no augmentation; flips are harmless.

    Args:
        flip: probability of a left-right flip.
        brightness: largest relative change of all values, uniform in both directions.
        contrast: largest relative change of the distance from the image's mean.
        saturation: largest relative change of the distance from grey.
        gamma: largest relative change of the exponent, which is 1 without a change.
        colour: largest relative change of red, green and blue, each drawn independently.
        rotation: largest angle in degrees, uniform in both directions.
        crop: largest share of width and height that is cut off; the rest is enlarged to the
            image's size.
        seed: of all random numbers.

    Raises:
        ValueError: a share or change is not from 0 to 1, or the angle not from 0 to 180.
    """

    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    gamma: float = 0.0
    colour: float = 0.0
    rotation: float = 0.0
    crop: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)


def draw_numbers(index: Tensor, epoch: int, seed: int) -> Tensor:
    """(B, 12) float32 in 0 to 1 on the host; each row depends on seed, epoch and index alone.

    So neither batch size, nor the number of processes, nor resuming changes them.

    Args:
        index: (B,) numbers of the images in their data set; on the host, because reading them
            from a device would wait for all its queued work.
    """
    rows = [np.random.default_rng((seed, epoch, i)).random(_NUMBERS) for i in index.tolist()]
    return torch.from_numpy(np.array(rows, dtype=np.float32))


def augment(
    pictures: Tensor, depth: Tensor, numbers: Tensor, config: Augmentation, camera: Intrinsics
) -> tuple[Tensor, Tensor]:
    """Augment each image, and its depth where it is affected.

    Args:
        pictures: (B, 3, H, W) float in 0 to 1.
        depth: (B, H, W) metres, 0 where there is no reading.
        numbers: (B, 12) of :func:`draw_numbers`, on the same device.
        config: how much they vary.
        camera: of the images, at any size.

    Returns:
        Both, in the same shapes. The empty corners of a rotated image are black, without a reading.
        The depth of a crop is what a network that assumes ``camera`` has to predict: the metres
        divided by the focal ratio (:meth:`Intrinsics.focal_ratio`) of the enlargement, by which
        the network's output is multiplied in use.
    """
    flip = numbers[:, 0] < config.flip
    pictures = torch.where(flip.view(-1, 1, 1, 1), pictures.flip(-1), pictures)
    depth = torch.where(flip.view(-1, 1, 1), depth.flip(-1), depth)
    changes = 2 * numbers - 1
    pictures = _vary_colour(pictures, changes[:, 1:4], config)
    pictures = _vary_curves(pictures, changes[:, 4:8], config)
    if not (config.rotation or config.crop):
        return pictures, depth
    angle = torch.deg2rad(config.rotation * changes[:, 8])
    kept = 1 - config.crop * numbers[:, 9]
    return view(pictures, depth, angle, kept, changes[:, 10:12], camera)


def view(
    pictures: Tensor, depth: Tensor, angle: Tensor, kept: Tensor, place: Tensor, camera: Intrinsics
) -> tuple[Tensor, Tensor]:
    """What a camera that is rolled about its optical axis and shows part of the image sees.

    Neither changes the distance along the optical axis. Colours are interpolated; depth is taken
    from the nearest pixel, so that holes and edges never mix.

    Args:
        pictures: (B, 3, H, W) float.
        depth: (B, H, W) metres.
        angle: (B,) radians; the image's content turns anticlockwise.
        kept: (B,) share of width and height that is shown, in 0 to 1.
        place: (B, 2) horizontal and vertical place of that part; -1 is at one border, 1 at the
            other.
        camera: of the images, at any size.

    Returns:
        Images, and depth divided by the focal ratio of this camera to ``camera``.
    """
    # A camera that shows a share k of the image has a lens 1 / k times as long: the focal ratio.
    wide = (camera.width / camera.fx) / (camera.height / camera.fy)  # the view is not square
    cos, sin = kept * torch.cos(angle), kept * torch.sin(angle)
    shift = (1 - kept).unsqueeze(1) * place
    rows = (
        torch.stack([cos, -sin / wide, shift[:, 0]], dim=1),
        torch.stack([sin * wide, cos, shift[:, 1]], dim=1),
    )
    with torch.autocast(pictures.device.type, enabled=False):  # bfloat16 would be off by pixels
        grid = F.affine_grid(torch.stack(rows, dim=1), list(pictures.shape), align_corners=False)
    pictures = F.grid_sample(pictures, grid, mode="bilinear", align_corners=False)
    nearest = F.grid_sample(depth.unsqueeze(1), grid, mode="nearest", align_corners=False)
    return pictures, nearest.squeeze(1) * kept.view(-1, 1, 1)


def _vary_colour(pictures: Tensor, changes: Tensor, config: Augmentation) -> Tensor:
    """``changes``: (B, 3) in -1 to 1, for brightness, contrast and saturation."""
    limits = (config.brightness, config.contrast, config.saturation)
    if not any(limits):
        return pictures
    columns = zip(limits, changes.unbind(1), strict=True)
    factors = [(1 + change * limit).view(-1, 1, 1, 1) for limit, change in columns]
    pictures = pictures * factors[0]
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * factors[1]
    red, green, blue = (
        weight * pictures[:, channel : channel + 1] for channel, weight in enumerate(_GREY)
    )
    grey = red + green + blue
    return (grey + (pictures - grey) * factors[2]).clamp(0, 1)


def _vary_curves(pictures: Tensor, changes: Tensor, config: Augmentation) -> Tensor:
    """``changes``: (B, 4) in -1 to 1, for the exponent and for red, green and blue."""
    if config.gamma:
        pictures = pictures ** (1 + config.gamma * changes[:, 0]).view(-1, 1, 1, 1)
    if config.colour:
        factors = 1 + config.colour * changes[:, 1:]
        pictures = (pictures * factors.view(-1, 3, 1, 1)).clamp(0, 1)
    return pictures
