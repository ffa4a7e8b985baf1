"""The labelled NYU Depth V2 file, ``nyu_depth_v2_labeled.mat``, with its official split."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from scipy.io import loadmat

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.depth_set import DepthSet
from training.data.hdf5 import SharedFile
from training.data.sample import DepthKind, Sample, check_depth, make_sample
from training.errors import DataError

MAT_NAME = "nyu_depth_v2_labeled.mat"
SPLITS_NAME = "splits.mat"
RENDERED = "rendered"
"""Attribute that marks a file of rendered rooms; the real one lacks it."""

_WHERE = (
    "Both files belong to the NYU Depth V2 labelled data set (2.8 GB), from its home page\n"
    "    https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html\n"
    "To download them: python -m training.prepare\n"
    f"Or put {MAT_NAME} and {SPLITS_NAME} into data/nyu, or name their folder "
    "(training: --data.root FOLDER, evaluation: --data FOLDER).\n"
    "Rendered rooms need no download. To train on them:\n"
    "    python -m training.train --config config/training/demo.yaml\n"
    "To write a file of them in the same layout: python -m training.rooms --help\n"
    "Other layouts, including that of your own recordings: docs/training.md"
)
_DEPTH_KEYS = {"raw": "rawDepths", "filled": "depths"}
_SPLIT_KEYS = {"train": "trainNdxs", "test": "testNdxs"}

Split = Literal["train", "test"]


class NyuLabelled(DepthSet):
    """One split of the labelled images, 480x640 in the original.

    The file is MATLAB v7.3, that is HDF5 with reversed axes: ``images`` (M, 3, W, H) uint8,
    ``depths`` and ``rawDepths`` (M, W, H) float32 metres, ``sceneTypes`` (1, M) references to
    character arrays. It is checked once at construction, and opened again in each process that
    reads from it.

    Args:
        mat: the labelled file.
        splits: ``splits.mat`` with the 1-based ``trainNdxs`` and ``testNdxs``.
        split: which of the two.
        depth: ``raw`` (measured, 0 in holes) or ``filled`` (holes inpainted).

    Attributes:
        size: height and width of all images.
        camera: NYU's, resized if the images have another size.
        depth_kind: ``depth``.
        rendered: whether the file holds rendered rooms.

    Raises:
        DataError: a file is missing, damaged or of another layout.
    """

    def __init__(
        self,
        mat: str | Path,
        splits: str | Path,
        split: Split = "train",
        depth: DepthKind = "raw",
    ):
        self.mat = Path(mat)
        self.depth_kind, self.depth_key = depth, _DEPTH_KEYS[depth]
        _require_files(self.mat, Path(splits))
        pictures, self.size = check_layout(self.mat, self.depth_key)
        self.camera = NYU_KINECT.resized(*reversed(self.size))
        self.indices = read_split(Path(splits), split, pictures)
        self.rendered = is_rendered(self.mat)
        self._file = SharedFile(self.mat, _open)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int) -> Sample:
        """Sample ``item`` of the split; its ``index`` is the 0-based one of the file.

        Raises:
            DataError: it cannot be read, or its depth is not finite, negative or all holes.
        """
        index = int(self.indices[item])
        picture = self._read("images", index).transpose(0, 2, 1)
        return make_sample(picture, self._depth(index), index, self._text("sceneTypes", index))

    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of sample ``item``, without reading its image.

        Raises:
            DataError: as for the sample.
        """
        return self._depth(int(self.indices[item]))

    def recording(self, item: int) -> str:
        """Name of the recording that sample ``item`` is from, such as ``kitchen_0004``; empty if
        the file has no ``scenes``.

        Raises:
            DataError: it cannot be read.
        """
        known = "scenes" in self._file.handle()
        return self._text("scenes", int(self.indices[item])) if known else ""

    def _read(self, key: str, index: int) -> np.ndarray:
        try:
            return self._file.handle()[key][index]
        except OSError as error:
            raise DataError(
                f"{self.mat}: {key} of index {index} cannot be read, the file is damaged; "
                f"get it again ({error})"
            ) from error

    def _depth(self, index: int) -> np.ndarray:
        depth = self._read(self.depth_key, index).T
        check_depth(depth, f"{self.mat}: {self.depth_key} of index {index}")
        return depth

    def _text(self, key: str, index: int) -> str:
        try:
            file = self._file.handle()
            return "".join(chr(code) for code in file[file[key][0, index]][:].ravel())
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"{self.mat}: {key} of index {index} cannot be read: {error}"
            ) from error


def _require_files(mat: Path, splits: Path) -> None:
    missing = [str(path) for path in (mat, splits) if not path.is_file()]
    if missing:
        folder = "" if mat.parent.is_dir() else f"no such folder: {mat.parent}; "
        raise DataError(f"{folder}no such file: {' and '.join(missing)}\n{_WHERE}")


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(
            f"{path}: expected an HDF5 file (MATLAB v7.3), found a damaged or truncated one; "
            f"get it again ({error})"
        ) from error


def is_rendered(path: Path) -> bool:
    """Whether a file in this layout holds rendered rooms; False for anything that is not HDF5."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get(RENDERED, False))
    except OSError:
        return False


def check_layout(path: Path, depth_key: str) -> tuple[int, tuple[int, int]]:
    """Number of images in a labelled file, and their height and width.

    Raises:
        DataError: it is damaged or of another layout.
    """
    with _open(path) as file:
        for key in ("images", depth_key, "sceneTypes"):
            if not isinstance(file.get(key), h5py.Dataset):
                raise DataError(f"{path}: expected a dataset {key!r}, found {sorted(file)}")
        images, depth, scenes = file["images"], file[depth_key], file["sceneTypes"]
        if images.ndim != 4 or images.shape[1] != 3:
            raise DataError(f"{path}: images: expected (M, 3, W, H), found {images.shape}")
        count, _, width, height = images.shape
        _expect(path, "images", images.dtype, np.dtype(np.uint8))
        _expect(path, depth_key, depth.dtype, np.dtype(np.float32))
        _expect(path, depth_key, depth.shape, (count, width, height))
        _expect(path, "sceneTypes", scenes.shape, (1, count))
        return count, (height, width)


def _expect(path: Path, key: str, found: object, expected: object) -> None:
    if found != expected:
        raise DataError(f"{path}: {key}: expected {expected}, found {found}")


def read_split(path: Path, split: Split, pictures: int) -> np.ndarray:
    """0-based indices of a split, (n,) int64, of a ``splits.mat`` for this many images.

    Raises:
        DataError: it is damaged, or its splits overlap or name images that don't exist.
    """
    try:
        content = loadmat(path)
        indices = {
            name: np.asarray(content[key]).ravel().astype(np.int64)
            for name, key in _SPLIT_KEYS.items()
        }
    except KeyError as error:
        raise DataError(f"{path}: expected trainNdxs and testNdxs, {error} is missing") from error
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise DataError(
            f"{path}: expected a MATLAB v5 file, found a damaged one: {error}"
        ) from error
    for name, values in indices.items():
        _check_indices(f"{path}: {_SPLIT_KEYS[name]}", values, pictures)
    both = np.intersect1d(indices["train"], indices["test"])
    if both.size:
        raise DataError(
            f"{path}: index {both[0]} is in both trainNdxs and testNdxs ({both.size} such in all)"
        )
    return indices[split] - 1


def _check_indices(name: str, indices: np.ndarray, pictures: int) -> None:
    if not indices.size:
        raise DataError(f"{name}: expected indices, found none")
    outside = indices[(indices < 1) | (indices > pictures)]
    if outside.size:
        raise DataError(f"{name}: expected indices from 1 to {pictures}, found {outside[0]}")
    values, counts = np.unique(indices, return_counts=True)
    if (counts > 1).any():
        raise DataError(f"{name}: index {values[counts > 1][0]} appears more than once")
