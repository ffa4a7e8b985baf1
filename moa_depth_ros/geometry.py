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
    x, y = _rays(depth, intrinsics, stride)
    depth = depth[::stride, ::stride]
    return torch.stack([depth * x, depth * y, depth], dim=-1)


def pack(points: Tensor, colour: Tensor | None) -> Tensor:
    """Points as the bytes of a cloud, :data:`POINT_BYTES` each, :data:`PLAIN_POINT_BYTES` without
    colour.

    Args:
        points: (..., 3) float32 metres; z not finite or not above 0 means no reading.
        colour: (..., 3) uint8 RGB, or None.

    Returns:
        (..., bytes) uint8; x, y and z are NaN where there is no reading.
    """
    packed, planes = _empty_cloud(points.shape[:-1], colour, points.device)
    readable = _readings(points[..., 2]).unsqueeze(-1)
    planes.copy_(torch.where(readable, points, torch.nan))
    return packed


def pack_depth(
    depth: Tensor, colour: Tensor | None, intrinsics: Intrinsics, stride: int = 1
) -> Tensor:
    """The bytes of an organised cloud, to the bit those of :func:`unproject` and :func:`pack`; each
    is written once.

    Args:
        depth: (H, W) float32 metres; not finite or not above 0 means no reading.
        colour: (H, W, 3) uint8 RGB, or None.
        intrinsics: the camera of this depth picture, of the same size.
        stride: as :func:`unproject` has it.

    Returns:
        (ceil(H / stride), ceil(W / stride), bytes) uint8; x, y and z are NaN where there is no
        reading.

    Raises:
        ValueError: the sizes differ.
    """
    x, y = _rays(depth, intrinsics, stride)
    depth = depth[::stride, ::stride]
    colour = None if colour is None else colour[::stride, ::stride]
    packed, planes = _empty_cloud(depth.shape, colour, depth.device)
    z = torch.where(_readings(depth), depth, torch.nan)
    torch.mul(z, x, out=planes[..., 0])
    torch.mul(z, y, out=planes[..., 1])
    planes[..., 2] = z
    return packed


def _rays(depth: Tensor, intrinsics: Intrinsics, stride: int) -> tuple[Tensor, Tensor]:
    """X / Z of each column, (w,), and Y / Z of each row, (h, 1)."""
    height, width = depth.shape
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise ValueError(
            f"depth is {width}x{height}, but its camera takes {intrinsics.size_text} pictures"
        )
    u = torch.arange(0, width, stride, dtype=torch.float32, device=depth.device)
    v = torch.arange(0, height, stride, dtype=torch.float32, device=depth.device)
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return x, y.unsqueeze(1)


def _readings(z: Tensor) -> Tensor:
    return (z > 0) & (z < torch.inf)  # NaN is neither


def _empty_cloud(
    shape: torch.Size, colour: Tensor | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The bytes (*shape, bytes) of a cloud with the colour already in them, and their x, y, z
    (*shape, 3) float32, still to be written."""
    point_bytes = PLAIN_POINT_BYTES if colour is None else POINT_BYTES
    packed = torch.empty((*shape, point_bytes), dtype=torch.uint8, device=device)
    if colour is not None:
        # One channel after the other: a flipped copy takes twice as long.
        for byte, channel in enumerate((2, 1, 0), start=12):
            packed[..., byte] = colour[..., channel]
        packed[..., 15] = 0
    return packed, packed.view(torch.float32)[..., :3]
