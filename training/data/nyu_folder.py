"""NYU Depth V2 as images in folders with list files: 24,231 to train on, 654 to test."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.machine.file_names import printable
from training.data.depth_set import DepthSet
from training.data.picture_pair import read_colour, read_depth
from training.data.sample import DepthKind, Sample, make_sample, scene_type_of, text_array
from training.errors import DataError

TRAIN_LIST = "nyudepthv2_train_files_with_gt.txt"
TEST_LIST = "nyudepthv2_test_files_with_gt.txt"
TRAIN_PICTURES, TEST_PICTURES = "sync", "official_splits/test"


class NyuFolder(DepthSet):
    """The images that a list file names, in its order.

    Each line is ``colour depth focal``: two paths under ``root`` (a leading ``/`` means ``root``,
    too) and the focal length in pixels. Depth is a 16-bit PNG in millimetres, 0 where there is no
    reading. All images have one size and one focal length. The list and the files' presence are
    checked at construction, the files' content when they are read.

    Args:
        root: folder that the paths start from.
        list_file: the list.

    Attributes:
        size: height and width of all images.
        camera: NYU's own if size and focal length are its; otherwise one with the list's focal
            length and the principal point in the middle.
        depth_kind: ``raw``, the only one in this layout.
        rendered: False, as this layout doesn't mark rendered rooms.

    Raises:
        DataError: naming file and line of what is missing, damaged or of another layout.
    """

    depth_kind: DepthKind = "raw"
    rendered = False

    def __init__(self, root: str | Path, list_file: str | Path):
        self.root, self.list_file = Path(root), Path(list_file)
        self.lines = text_array(_read_lines(self.list_file))
        focal = self._check_lines()
        self.size = read_colour(self.paths(0)[0], self._where(0)).shape[1:]
        self.camera = _camera(self.size, focal)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, item: int) -> Sample:
        """Sample of line ``item + 1``.

        Raises:
            DataError: a file is damaged, of another size or type, or has no reading.
        """
        picture = read_colour(self.paths(item)[0], self._where(item), self.size)
        scene = scene_type_of(self.recording(item))
        return make_sample(picture, self.depth(item), item, scene)

    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of sample ``item``, without reading its image.

        Raises:
            DataError: as for the sample.
        """
        return read_depth(self.paths(item)[1], self._where(item), self.size)

    def recording(self, item: int) -> str:
        """Name of the recording that sample ``item`` is from."""
        return printable(self.paths(item)[0].parent.name)

    def paths(self, item: int) -> tuple[Path, Path]:
        """Colour image and depth of sample ``item``."""
        colour, depth, _ = self._line(item).split()
        return self.root / colour.lstrip("/"), self.root / depth.lstrip("/")

    def _line(self, item: int) -> str:
        return os.fsdecode(self.lines[item])

    def _where(self, item: int) -> str:
        return f"{self.list_file}, line {item + 1}"

    def _check_lines(self) -> float:
        """The focal length, which all lines share."""
        focal = _focal(self._line(0), self._where(0))
        for item in range(len(self)):
            found = _focal(self._line(item), self._where(item))
            if found != focal:
                raise DataError(
                    f"{self._where(item)}: expected the focal length {focal:g} of line 1, because "
                    f"a network learns the depth of one camera; found {found:g}"
                )
            for path in self.paths(item):
                if not path.is_file():
                    raise DataError(f"{self._where(item)}: no such file: {path}")
        return focal


def open_nyu_folder(root: Path) -> tuple[NyuFolder, NyuFolder]:
    """Both splits of a folder.

    Args:
        root: holds both lists, the training images in ``sync`` and the test images in
            ``official_splits/test``; without such a folder, paths start from ``root``.

    Raises:
        DataError: as :class:`NyuFolder`, or an image is in both lists.
    """
    train = NyuFolder(_pictures(root, TRAIN_PICTURES), root / TRAIN_LIST)
    test = NyuFolder(_pictures(root, TEST_PICTURES), root / TEST_LIST)
    seen = {train.paths(item)[0] for item in range(len(train))}
    for item in range(len(test)):
        colour = test.paths(item)[0]
        if colour in seen:
            raise DataError(
                f"{test.list_file}, line {item + 1}: {colour} is in {train.list_file}, too"
            )
    return train, test


def _pictures(root: Path, folder: str) -> Path:
    return root / folder if (root / folder).is_dir() else root


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"no such list file: {path}; it has a line 'colour depth focal' for each image"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file, found: {error}") from error
    if not lines:
        raise DataError(f"{path}: expected lines 'colour depth focal', found none")
    return lines


def _focal(line: str, where: str) -> float:
    fields = line.split()
    if len(fields) != 3:
        raise DataError(f"{where}: expected 'colour depth focal', found {line!r}")
    if fields[1] == "None":
        raise DataError(f"{where}: expected depth for {fields[0]}, found none")
    try:
        focal = float(fields[2])
    except ValueError:
        focal = math.nan
    if not 0 < focal < math.inf:
        raise DataError(f"{where}: expected a focal length in pixels, found {fields[2]!r}")
    return focal


def _camera(size: tuple[int, int], focal: float) -> Intrinsics:
    height, width = size
    if (width, height, focal) == (NYU_KINECT.width, NYU_KINECT.height, NYU_KINECT.fx):
        return NYU_KINECT
    return Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
