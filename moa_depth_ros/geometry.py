"""From depth to points in the camera's optical frame (REP 103: x right, y down, z forward)."""

from __future__ import annotations

import torch
from torch import Tensor

from moa_depth_ros.camera import Intrinsics

POINT_BYTES = 16
"""x, y, z as little-endian float32, then blue, green, red, 0."""

PLAIN_POINT_BYTES = 12
"""The same without a colour."""


def unproject(depth: Tensor, intrinsics: Intrinsics, stride: int = 1) -> Tensor:
    """Points of a depth picture: X = (u - cx) Z / fx, Y = (v - cy) Z / fy, Z.

    Args:
        depth: (H, W) metres along the optical axis.
        intrinsics: the camera of this depth picture, of the same size.
        stride: only every stride-th pixel of every stride-th row; to the bit, the same points that
            stride 1 gives for these.

    Returns:
        (ceil(H / stride), ceil(W / stride), 3) float32 metres.

    Raises:
        ValueError: the sizes differ.
    """
    height, width = depth.shape
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise ValueError(
            f"depth is {width}x{height}, but its camera takes {intrinsics.size_text} pictures"
        )
    depth = depth[::stride, ::stride]
    u = torch.arange(0, width, stride, dtype=torch.float32, device=depth.device)
    v = torch.arange(0, height, stride, dtype=torch.float32, device=depth.device)
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return torch.stack([depth * x, depth * y.unsqueeze(1), depth], dim=-1)


def pack(points: Tensor, colour: Tensor | None) -> Tensor:
    """Points as the bytes of a cloud, :data:`POINT_BYTES` each, :data:`PLAIN_POINT_BYTES` without
    colour.

    Args:
        points: (..., 3) metres; z not finite or not above 0 means no reading.
        colour: (..., 3) uint8 RGB, or None.

    Returns:
        (..., bytes) uint8; x, y and z are NaN where there is no reading.
    """
    z = points[..., 2:]
    readable = torch.isfinite(z) & (z > 0)
    points = points.float().masked_fill(~readable, torch.nan)
    if colour is None:
        return points.contiguous().view(torch.uint8)
    size = (*points.shape[:-1], POINT_BYTES)
    packed = torch.zeros(size, dtype=torch.uint8, device=points.device)
    packed.view(torch.float32)[..., :3] = points
    packed[..., 12:15] = colour.flip(-1)
    return packed


def pack_points(depth: Tensor, colour: Tensor, intrinsics: Intrinsics) -> Tensor:
    """The bytes of an organised cloud with colour: :func:`unproject`, then :func:`pack`.

    Args:
        depth: (H, W) metres; not finite or not above 0 means no reading.
        colour: (H, W, 3) uint8 RGB.
        intrinsics: the camera of this depth picture, of the same size.

    Returns:
        (H, W, 16) uint8; x, y and z are NaN where there is no reading.

    Raises:
        ValueError: the sizes differ.
    """
    return pack(unproject(depth.float(), intrinsics), colour)
