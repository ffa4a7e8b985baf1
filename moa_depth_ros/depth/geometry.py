"""From depth to points in the camera's optical frame (REP 103: x right, y down, z forward)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from moa_depth_ros.depth.readings import is_reading, only_readings
from moa_depth_ros.intrinsics import Intrinsics

POINT_BYTES = 16
"""x, y, z as little-endian float32, then blue, green, red, 0."""

PLAIN_POINT_BYTES = 12
"""The same without colour."""

# Few enough for a core's cache, so that what is merged need not be read from memory again.
_PIXELS_AT_ONCE = 80_000


def unproject(depth: Tensor, intrinsics: Intrinsics, stride: int = 1) -> Tensor:
    """Points of a depth image: X = (u - cx) Z / fx, Y = (v - cy) Z / fy, Z.

    Args:
        depth: (H, W) metres along the optical axis.
        intrinsics: the camera of this depth image, of the same size.
        stride: only every stride-th pixel of every stride-th row; the points are bit-identical to
            those that stride 1 gives for these pixels.

    Returns:
        (ceil(H / stride), ceil(W / stride), 3) float32 metres.

    Raises:
        ValueError: the sizes differ.
    """
    x, y = _rays(depth, intrinsics, stride)
    depth = depth[::stride, ::stride]
    return torch.stack([depth * x, depth * y, depth], dim=-1)


def pack(points: Tensor, colour: Tensor | None) -> Tensor:
    """Points as the bytes of a cloud, :data:`POINT_BYTES` each, or :data:`PLAIN_POINT_BYTES`
    without colour.

    Args:
        points: (..., 3) float32 metres; z not finite or not above 0 means no reading.
        colour: (..., 3) uint8 RGB, or None.

    Returns:
        (..., bytes) uint8; x, y and z are NaN where there is no reading.
    """
    point_bytes = PLAIN_POINT_BYTES if colour is None else POINT_BYTES
    packed = points.new_empty((*points.shape[:-1], point_bytes), dtype=torch.uint8)
    readable = is_reading(points[..., 2]).unsqueeze(-1)
    packed.view(torch.float32)[..., :3] = torch.where(readable, points, torch.nan)
    if colour is not None:
        packed[..., 12:15] = colour.flip(-1)
        packed[..., 15] = 0
    return packed


def pack_depth(
    depth: Tensor,
    colour: Tensor | None,
    intrinsics: Intrinsics,
    stride: int = 1,
    out: np.ndarray | None = None,
) -> Tensor:
    """The bytes of an organised cloud: bit-identical to :func:`pack` of :func:`unproject`. On a
    CPU, each byte is written once.

    Args:
        depth: (H, W) float32 metres; not finite or not above 0 means no reading.
        colour: (H, W, 3) uint8 RGB, or None.
        intrinsics: the camera of this depth image, of the same size.
        stride: as in :func:`unproject`.
        out: host memory for the result, contiguous uint8 of its shape; used only if ``depth`` is on
            the CPU.

    Returns:
        (ceil(H / stride), ceil(W / stride), bytes) uint8; x, y and z are NaN where there is no
        reading.

    Raises:
        ValueError: the sizes differ.
    """
    colour = None if colour is None else colour[::stride, ::stride]
    if depth.device.type != "cpu":
        return pack(unproject(depth, intrinsics, stride), colour)
    x, y = (ray.numpy() for ray in _rays(depth, intrinsics, stride))
    z = only_readings(depth[::stride, ::stride].numpy())
    if out is None:
        out = np.empty((*z.shape, PLAIN_POINT_BYTES if colour is None else POINT_BYTES), np.uint8)
    rows = max(1, _PIXELS_AT_ONCE // z.shape[1])
    for top in range(0, len(z), rows):
        part = slice(top, top + rows)
        planes = [z[part] * x, z[part] * y[part], z[part]]
        if colour is not None:
            planes.append(_bgr0(colour[part].numpy()))
        cv2.merge(planes, dst=out[part].view(np.float32))
    return torch.from_numpy(out)


def _bgr0(colour: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB as the bytes blue, green, red, 0 of (H, W) float32."""
    bgra = cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
    return np.bitwise_and(bgra, 0x00FFFFFF, out=bgra).view(np.float32)


def _rays(depth: Tensor, intrinsics: Intrinsics, stride: int) -> tuple[Tensor, Tensor]:
    """X / Z of each column, (w,), and Y / Z of each row, (h, 1)."""
    height, width = depth.shape
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise ValueError(
            f"depth is {width}x{height}, but its camera takes {intrinsics.size_text} images"
        )
    return _rays_of(intrinsics, stride, depth.device)


@lru_cache(maxsize=16)  # a camera's stay the same from image to image
def _rays_of(intrinsics: Intrinsics, stride: int, device: torch.device) -> tuple[Tensor, Tensor]:
    u = torch.arange(0, intrinsics.width, stride, dtype=torch.float32, device=device)
    v = torch.arange(0, intrinsics.height, stride, dtype=torch.float32, device=device)
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    return x, y.unsqueeze(1)
