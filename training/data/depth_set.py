"""What every reader offers, whatever the layout."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch.utils.data import Dataset

from moa_depth_ros.intrinsics import Intrinsics
from training.data.sample import DepthKind, Sample


class DepthSet(Dataset[Sample], ABC):
    """Pictures of one size from one camera, with depth.

    Attributes:
        size: height and width of all pictures.
        camera: theirs.
        depth_kind: what their depth is.
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
        """(H, W) float32 metres of sample ``item``, without reading its picture.

        Raises:
            DataError: it can't be read, or is without a reading.
        """

    @abstractmethod
    def recording(self, item: int) -> str:
        """Name of the recording that sample ``item`` is from; empty where nothing tells."""
