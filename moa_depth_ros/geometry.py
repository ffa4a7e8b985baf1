"""From depth to points in the camera's optical frame (REP 103: x right, y down, z forward)."""

from __future__ import annotations

import torch
from torch import Tensor

from moa_depth_ros.camera import Intrinsics

POINT_BYTES = 16
"""x, y, z as little-endian float32, then blue, green, red, 0."""


def unproject(depth: Tensor, intrinsics: Intrinsics) -> Tensor:
    """Points of a depth picture: X = (u - cx) Z / fx, Y = (v - cy) Z / fy, Z.

    Args:
        depth: (H, W) metres along the optical axis.
        intrinsics: the camera of this depth picture, of the same size.

    Returns:
        (H, W, 3) float32 metres.

    Raises:
        ValueError: the sizes differ.
    """
    height, width = depth.shape
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise ValueError(
            f"depth is {width}x{height}, but its camera takes {intrinsics.size_text} pictures"
        )
    u = torch.arange(width, dtype=torch.float32, device=depth.device)
    v = torch.arange(height, dtype=torch.float32, device=depth.device)
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return torch.stack([depth * x, depth * y.unsqueeze(1), depth], dim=-1)


def pack_points(depth: Tensor, colour: Tensor, intrinsics: Intrinsics) -> Tensor:
    """The bytes of an organised cloud, :data:`POINT_BYTES` a point.

    Args:
        depth: (H, W) metres; not finite or not above 0 means no reading.
        colour: (H, W, 3) uint8 RGB.
        intrinsics: the camera of this depth picture, of the same size.

    Returns:
        (H, W, 16) uint8; x, y and z are NaN where there is no reading.

    Raises:
        ValueError: the sizes differ.
    """
    readable = torch.isfinite(depth) & (depth > 0)
    points = unproject(depth.float().masked_fill(~readable, torch.nan), intrinsics)
    packed = torch.zeros((*depth.shape, POINT_BYTES), dtype=torch.uint8, device=depth.device)
    packed.view(torch.float32)[..., :3] = points
    packed[..., 12:15] = colour.flip(-1)
    return packed
