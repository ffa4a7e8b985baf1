"""A data set of any layout in one file that reads fast; :mod:`training.data.pack` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import h5py
import numpy as np

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.files import MILLIMETRES
from training.data.depth_set import DepthSet
from training.data.hdf5 import SharedFile
from training.data.nyu_labelled import RENDERED, Split
from training.data.sample import DepthKind, Sample, check_depth, make_sample
from training.errors import DataError

PACKED_SUFFIX = ".h5"
_ANY_VERSION = "moa_depth_ros packed depth data, version "
FORMAT = f"{_ANY_VERSION}2"
CAMERA_KEYS = ("width", "height", "fx", "fy", "cx", "cy")
_CONTENT = {"picture": (np.uint8, 4), "depth": (np.uint16, 3), "index": (np.int64, 1)}
_TEXTS = ("scene", "recording")


class Packed(DepthSet):
    """One split of a packed file.

    The file is HDF5 with a group ``train`` and a group ``test``, each with ``picture``
    (M, 3, H, W) uint8, ``depth`` (M, H, W) uint16 millimetres with 0 for no reading, ``index``
    (M,) int64, the images' numbers in the source, and ``scene`` and ``recording`` (M,) UTF-8
    bytes, the latter empty if the source knows none; a group's attributes are its camera. The
    file's own say whether depth is ``raw`` or ``filled``, and whether rooms were ``rendered``.
    Millimetres are what depth cameras write: exact for their PNGs, and finer than half precision
    beyond 2 m. Nothing is compressed, because unpacking would take longer than reading. The file is
    checked at construction, and opened again in each process.

    Args:
        path: of the file.
        split: ``train`` or ``test``.

    Attributes:
        size: height and width of all images of the split.
        camera: of these images.
        depth_kind: kind of their depth.
        rendered: whether they show rendered rooms.

    Raises:
        DataError: the file is missing, damaged or of another layout.
    """

    def __init__(self, path: str | Path, split: Split):
        self.path, self.split = Path(path), split
        self._file = SharedFile(self.path, _open)
        with _open(self.path) as file:
            group = _checked_group(self.path, file, split)
            self.indices, self.scenes = group["index"][()], group["scene"][()]
            self.recordings = group["recording"][()]
            self.size = group["picture"].shape[2:]
            self.camera = _camera(self.path, group)
            self.depth_kind = _depth_kind(self.path, file)
            self.rendered = bool(file.attrs.get(RENDERED, False))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int) -> Sample:
        """Sample ``item`` of the split; its ``index`` is the one that the source gave it.

        Raises:
            DataError: it cannot be read, or has no reading.
        """
        scene = self.scenes[item].decode()
        return make_sample(
            self._read("picture", item), self.depth(item), int(self.indices[item]), scene
        )

    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of sample ``item``, without reading its image.

        Raises:
            DataError: as for the sample.
        """
        depth = self._read("depth", item).astype(np.float32) / np.float32(MILLIMETRES)
        check_depth(depth, f"{self.path}: {self.split}/depth of image {item}")
        return depth

    def recording(self, item: int) -> str:
        """Name of the recording that sample ``item`` is from; empty if the source knew none."""
        return self.recordings[item].decode()

    def _read(self, key: str, item: int) -> np.ndarray:
        try:
            return self._file.handle()[self.split][key][item]
        except OSError as error:
            raise DataError(
                f"{self.path}: {self.split}/{key} of image {item} cannot be read, the file is "
                f"damaged; convert it again ({error})"
            ) from error


def is_packed(path: Path) -> bool:
    """Whether a file is a packed one, of any version."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs.get("format")).startswith(_ANY_VERSION)
    except OSError:
        return False


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise DataError(
            f"no such file: {path}; to make it: "
            f"python -m training.prepare --convert FOLDER --out {path}"
        )
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(
            f"{path}: expected an HDF5 file, found a damaged or truncated one; convert it again "
            f"({error})"
        ) from error


def _checked_group(path: Path, file: h5py.File, split: Split) -> h5py.Group:
    if file.attrs.get("format") != FORMAT:
        raise DataError(
            f"{path}: expected the format {FORMAT!r}, found {file.attrs.get('format')!r}; "
            "convert it again"
        )
    group = file.get(split)
    if not isinstance(group, h5py.Group):
        raise DataError(f"{path}: expected a group {split!r}, found {sorted(file)}")
    for key in (*_CONTENT, *_TEXTS):
        if not isinstance(group.get(key), h5py.Dataset):
            raise DataError(f"{path}: {split}: expected a dataset {key!r}, found {sorted(group)}")
    for key, (dtype, dimensions) in _CONTENT.items():
        if group[key].dtype != dtype or group[key].ndim != dimensions:
            raise DataError(
                f"{path}: {split}/{key}: expected {dimensions} dimensions of "
                f"{np.dtype(dtype)}, found {group[key].shape} of {group[key].dtype}"
            )
    count, _, height, width = group["picture"].shape
    shapes = {"picture": (count, 3, height, width), "depth": (count, height, width)}
    for key, shape in {**shapes, **dict.fromkeys(("index", *_TEXTS), (count,))}.items():
        if group[key].shape != shape or not count:
            raise DataError(
                f"{path}: {split}/{key}: expected {shape} and at least one image, found "
                f"{group[key].shape}"
            )
    return group


def _depth_kind(path: Path, file: h5py.File) -> DepthKind:
    found = file.attrs.get("depth")
    if found not in get_args(DepthKind):
        raise DataError(
            f"{path}: expected the attribute 'depth' to be {' or '.join(get_args(DepthKind))}, "
            f"found {found!r}; convert it again"
        )
    return found


def _camera(path: Path, group: h5py.Group) -> Intrinsics:
    try:
        width, height, *lens = (group.attrs[key].item() for key in CAMERA_KEYS)
        camera = Intrinsics(int(width), int(height), *lens)
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{path}: {group.name}: expected a camera in the attributes: {error}"
        ) from error
    if (camera.height, camera.width) != group["picture"].shape[2:]:
        height, width = group["picture"].shape[2:]
        raise DataError(
            f"{path}: {group.name}: expected the camera of {width}x{height} images, found "
            f"{camera.size_text}"
        )
    return camera


def is_shrunk_below(
    train: tuple[int, int], test: tuple[int, int], input_size: tuple[int, int]
) -> bool:
    """Whether training images were packed smaller than the network's input, judging by the sizes.

    A small camera's images have no more detail; the robot's are enlarged, too.
    """
    return train != test and any(np.less(train, input_size))
