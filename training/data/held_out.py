"""Whole recordings of a training split, held out to choose the best epoch by."""

from __future__ import annotations

import re

import numpy as np
from torch.utils.data import Subset

from training.data.depth_set import DepthSet
from training.data.sample import Sample
from training.errors import DataError

_PART_OF_RECORDING = re.compile(r"(?<=[0-9])[a-z]+$")


class Part(Subset[Sample]):
    """Some images of a data set."""

    dataset: DepthSet

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of all images."""
        return self.dataset.size


def hold_out(dataset: DepthSet, share: float, seed: int) -> tuple[Part, Part]:
    """Divide a training split by recordings, drawn by ``seed``.

    Images of one recording look alike: if one was trained on, another says little. The parts of a
    recording (``living_room_0019a`` and ``b``) stay together.

    Args:
        dataset: the training split.
        share: of the images, between 0 and 1; the recordings that are held out, at least one, come
            as near to it as whole ones can.
        seed: of the random draw.

    Returns:
        What is left to train on, and what is held out.

    Raises:
        DataError: the reader knows no recordings, or too few to have some on both sides.
    """
    if not isinstance(dataset, DepthSet) or not any(map(dataset.recording, range(len(dataset)))):
        raise DataError(
            "held_out: expected a data set that says which recording an image is from, found "
            f"{type(dataset).__name__}, which does not"
        )
    count = len(dataset)
    recordings = [_PART_OF_RECORDING.sub("", dataset.recording(item)) for item in range(count)]
    names, membership, sizes = np.unique(recordings, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    needed = int(np.argmin(np.abs(np.cumsum(sizes[drawn]) - share * count))) + 1
    if not 0 < share < 1 or needed >= len(names):
        raise DataError(
            f"held_out: expected a share between 0 and 1 that leaves recordings to train on, found "
            f"{share:g} of {len(names)} recordings"
        )
    held = np.isin(membership, drawn[:needed])
    return Part(dataset, np.flatnonzero(~held).tolist()), Part(
        dataset, np.flatnonzero(held).tolist()
    )
