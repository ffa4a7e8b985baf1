"""Which values of a depth image are readings. Without PyTorch, which takes seconds to import."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Depth = TypeVar("Depth", np.ndarray, "Tensor")


def is_reading(depth: Depth) -> Depth:
    """Where depth, an array or a tensor, is finite and above 0."""
    return (depth > 0) & (depth < math.inf)  # NaN is neither


def only_readings(depth: np.ndarray) -> np.ndarray:
    """Depth on the host with NaN wherever it is not finite or not above 0.

    With NumPy, not torch: on a CPU, each operation of torch wakes all its threads, which takes
    longer than this little work.

    Args:
        depth: float32 metres, any shape.

    Returns:
        A new array, or ``depth`` itself if all of it is readings.
    """
    if depth.size and depth.min() > 0 and depth.max() < math.inf:  # min() of NaN is NaN, not > 0
        return depth
    return np.where(is_reading(depth), depth, np.float32(np.nan))
