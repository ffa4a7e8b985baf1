"""Point clouds as bytes, made on the device: stride, voxels, colour."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from moa_depth_ros.depth.geometry import (
    PLAIN_POINT_BYTES,
    POINT_BYTES,
    pack,
    pack_depth,
    unproject,
)
from moa_depth_ros.depth.readings import is_reading
from moa_depth_ros.intrinsics import Intrinsics

SMALLEST_VOXEL = 0.001
"""Metres. 2^21 voxels along an axis are then 2 km."""

_AXIS_BITS = 21  # three of them fit into an int64


@dataclasses.dataclass(frozen=True)
class CloudOptions:
    """How a depth image becomes a cloud.

    Attributes:
        stride: every stride-th pixel of every stride-th row, 1 or more; the rest is left out.
        voxel_size: metres; one point, the mean, for each cube of this size. 0: no voxels.
        colour: 16 bytes per point with colour, 12 without.
    """

    stride: int = 1
    voxel_size: float = 0.0
    colour: bool = True

    @property
    def organised(self) -> bool:
        """Whether the cloud keeps the rows and columns of the image."""
        return self.voxel_size == 0


def organised_shape(height: int, width: int, options: CloudOptions) -> tuple[int, int, int]:
    """Rows, columns and bytes per point of the organised cloud of a depth image."""
    point_bytes = POINT_BYTES if options.colour else PLAIN_POINT_BYTES
    return -(-height // options.stride), -(-width // options.stride), point_bytes


def pack_cloud(
    depth: Tensor,
    colour: Tensor,
    intrinsics: Intrinsics,
    options: CloudOptions,
    out: np.ndarray | None = None,
) -> Tensor:
    """The bytes of a cloud.

    Args:
        depth: (H, W) metres; not finite or not above 0 means no reading.
        colour: (H, W, 3) uint8 RGB.
        intrinsics: the camera of this depth image, of the same size.
        options: of the cloud.
        out: for an organised cloud; see :func:`moa_depth_ros.depth.geometry.pack_depth`.

    Returns:
        uint8. Organised (h, w, bytes) with h = ceil(H / stride), x, y and z NaN where there is no
        reading; or, with voxels, (n, bytes), readings only.

    Raises:
        ValueError: the sizes differ.
    """
    if options.organised:
        shown = colour if options.colour else None
        return pack_depth(depth, shown, intrinsics, options.stride, out)
    points = unproject(depth, intrinsics, options.stride)
    colour = colour[:: options.stride, :: options.stride]
    seen = is_reading(points[..., 2])
    points, colour = mean_of_voxels(points[seen], colour[seen], options.voxel_size)
    return pack(points, colour if options.colour else None)


def mean_of_voxels(points: Tensor, colour: Tensor, size: float) -> tuple[Tensor, Tensor]:
    """One point for each voxel that has any: the mean of its points and of their colours.

    The grid's corner is the origin, so that voxels stay in place from image to image.

    Args:
        points: (N, 3) float32 metres, finite.
        colour: (N, 3) uint8.
        size: metres, at least :data:`SMALLEST_VOXEL`.

    Returns:
        (M, 3) float32 metres and (M, 3) uint8, in no particular order.
    """
    cells = torch.floor(points / size)
    half = 2 ** (_AXIS_BITS - 1)
    index = cells.to(torch.int64).clamp(-half, half - 1) + half
    key = (index[:, 0] << 2 * _AXIS_BITS) | (index[:, 1] << _AXIS_BITS) | index[:, 2]
    _, voxel, counts = torch.unique(key, return_inverse=True, return_counts=True)
    # Relative to the voxel's corner: far from the origin, float32 sums of many points drift.
    corner = cells * size
    values = torch.cat([points - corner, colour.float()], dim=1)
    sums = values.new_zeros(len(counts), 6).index_add_(0, voxel, values)
    means = sums / counts.unsqueeze(1)
    corners = corner.new_empty(len(counts), 3).index_copy_(0, voxel, corner)
    return corners + means[:, :3], means[:, 3:].round().to(torch.uint8)
