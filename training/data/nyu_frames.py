"""NYU Depth V2 as a tree of small HDF5 files, one per frame (the 47,000-frame distribution)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import h5py
import numpy as np

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.file_names import printable
from training.data.depth_set import DepthSet
from training.data.sample import (
    DepthKind,
    Sample,
    check_depth,
    make_sample,
    scene_type_of,
    text_array,
)
from training.errors import DataError


class NyuFrames(DepthSet):
    """The frames below ``root/train`` or ``root/val``, in the order of their names.

    Each file (``train/SCENE/00001.h5``, ``val/official/00001.h5``) has ``rgb`` (3, H, W) uint8 and
    ``depth`` (H, W) float32 metres; the original is 480x640. All frames have one size. A file is
    opened when its frame is read, and closed again.

    Args:
        root: folder that holds ``train`` and ``val``.
        split: which of the two.

    Attributes:
        size: height and width of all frames.
        camera: NYU's, resized if the frames have another size.
        depth_kind: ``filled``: published as dense, inpainted by its authors.
        rendered: False, as this layout doesn't mark rendered rooms.

    Raises:
        DataError: the folder is missing or has no frame, or the first one is damaged or of
            another layout.
    """

    depth_kind: DepthKind = "filled"
    rendered = False

    def __init__(self, root: str | Path, split: Literal["train", "val"]):
        self.folder = Path(root) / split
        if not self.folder.is_dir():
            raise DataError(
                f"no such folder: {self.folder}; expected train and val with .h5 files, one per "
                "frame, below them"
            )
        names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.h5"))
        if not names:
            raise DataError(f"{self.folder}: expected .h5 files, one per frame, found none")
        self.names = text_array(names)
        self.size = self._read(0, "rgb", None).shape[1:]
        self.camera = NYU_KINECT.resized(*reversed(self.size))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, item: int) -> Sample:
        """Frame ``item`` of the sorted files.

        Raises:
            DataError: its file is damaged or of another layout, or its depth is not finite or
                negative, or has no reading.
        """
        picture = self._read(item, "rgb", (3, *self.size))
        scene = scene_type_of(self.recording(item))
        return make_sample(picture, self.depth(item), item, scene)

    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of frame ``item``, without reading its image.

        Raises:
            DataError: as for the sample.
        """
        depth = self._read(item, "depth", self.size)
        check_depth(depth, f"{self._path(item)}: depth")
        return depth

    def recording(self, item: int) -> str:
        """Name of the recording that frame ``item`` is from."""
        return printable(self._path(item).parent.name)

    def _path(self, item: int) -> Path:
        return self.folder / os.fsdecode(self.names[item])

    def _read(self, item: int, key: str, shape: tuple[int, ...] | None) -> np.ndarray:
        path = self._path(item)
        try:
            with h5py.File(path, "r") as file:
                _check_layout(path, file, key, shape)
                return file[key][()]
        except OSError as error:
            raise DataError(
                f"{path}: expected an HDF5 file, found a damaged or truncated one; get it again "
                f"({error})"
            ) from error


def _check_layout(path: Path, file: h5py.File, key: str, shape: tuple[int, ...] | None) -> None:
    data = file.get(key)
    if not isinstance(data, h5py.Dataset):
        raise DataError(f"{path}: expected a dataset {key!r}, found {sorted(file)}")
    dtype = np.dtype(np.uint8 if key == "rgb" else np.float32)
    if data.dtype != dtype:
        raise DataError(f"{path}: {key}: expected {dtype}, found {data.dtype}")
    if shape is None and (data.ndim != 3 or data.shape[0] != 3):
        raise DataError(f"{path}: {key}: expected (3, H, W), found {data.shape}")
    if shape is not None and data.shape != shape:
        raise DataError(
            f"{path}: {key}: expected {shape} as in the first frame, found {data.shape}"
        )
