"""One image with its depth, the same whatever it was read from."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from typing import Literal, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.errors import DataError

DepthKind = Literal["raw", "filled"]
"""Measured, 0 in holes; or with the holes inpainted."""

_PLAUSIBLE = (0.4, 10.0)  # metres; centimetres, whole metres and 1/5000 m miss it indoors
_RECORDING_NUMBER = re.compile(r"_[0-9]+[a-z]*$")


class Sample(TypedDict):
    """What every data set yields; a batch of them has one more dimension in front.

    Keys:
        picture: (3, H, W) uint8 RGB.
        depth: (H, W) float32 metres along the optical axis, 0 where there is no reading.
        index: number of the image in its data set: for error messages, the names of exported
            files, and the random numbers of its augmentation.
        scene: scene type as the data set spells it.
    """

    picture: Tensor
    depth: Tensor
    index: int
    scene: str


def make_sample(picture: np.ndarray, depth: np.ndarray, index: int, scene: str) -> Sample:
    """A sample from arrays: picture (3, H, W) uint8 and depth (H, W) float32, of any strides."""
    return Sample(
        picture=torch.from_numpy(np.ascontiguousarray(picture)),
        depth=torch.from_numpy(np.ascontiguousarray(depth)),
        index=index,
        scene=scene,
    )


def text_array(texts: Iterable[str]) -> NDArray[np.bytes_]:
    """Many short texts, also file names, as one array (n,); ``os.fsdecode`` decodes one of them.

    A list takes several times the memory, and each worker process would gradually copy it, because
    reading a string writes its reference count.
    """
    return np.array([os.fsencode(text) for text in texts])


def check_depth(depth: np.ndarray, where: str) -> None:
    """Refuse depth that is not finite, is negative or has no reading: nothing is learned from it.

    Raises:
        DataError: beginning with ``where``.
    """
    if not (np.isfinite(depth).all() and depth.min() >= 0):
        raise DataError(
            f"{where}: expected finite metres from 0 up, with 0 for no reading; found NaN, "
            "infinite or negative values"
        )
    if not depth.any():
        raise DataError(
            f"{where}: expected depth, found not one reading; leave this image out of the data"
        )


def warn_of_unit(depths: Iterable[np.ndarray], where: str) -> None:
    """Warn if typical depth is nothing that a camera sees, as with another unit in its files.

    Args:
        depths: some depth maps, (H, W) metres, 0 where there is no reading.
        where: names them in the warning.
    """
    readings = np.concatenate([depth[depth > 0] for depth in depths])
    middle = float(np.median(readings))
    if not _PLAUSIBLE[0] <= middle <= _PLAUSIBLE[1]:
        warnings.warn(
            f"{where}: the median of some depth is {middle:.3g} m; is it in a unit other than its "
            "layout's (millimetres in PNGs, metres elsewhere)?",
            stacklevel=3,
        )


def scene_type_of(folder: str) -> str:
    """Scene type from the name of an NYU recording: ``living_room_0019b`` gives ``living_room``."""
    return _RECORDING_NUMBER.sub("", folder)
