"""What every reader offers, whatever the layout."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch.utils.data import Dataset

from moa_depth_ros.intrinsics import Intrinsics
from training.data.sample import DepthKind, Sample


class DepthSet(Dataset[Sample], ABC):
    """Images of one size from one camera, with depth.

    Attributes:
        size: height and width of all images.
        camera: of all images.
        depth_kind: kind of their depth.
        rendered: whether they are known to show rendered rooms.
    """

    size: tuple[int, int]
    camera: Intrinsics
    depth_kind: DepthKind
    rendered: bool

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of sample ``item``, without reading its image.

        Raises:
            DataError: it can't be read, or has no reading.
        """

    @abstractmethod
    def recording(self, item: int) -> str:
        """Name of the recording that sample ``item`` is from; empty if unknown."""
