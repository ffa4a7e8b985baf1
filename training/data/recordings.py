"""Your own recording: colour images, depth images and the camera that took them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import numpy as np

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.pictures.camera_files import read_camera_matrix, read_camera_yaml
from moa_depth_ros.pictures.files import SUFFIXES
from training.data.depth_set import DepthSet
from training.data.picture_pair import read_colour, read_depth
from training.data.sample import DepthKind, Sample, make_sample, text_array
from training.errors import DataError

COLOUR_FOLDER, DEPTH_FOLDER = "images", "depth"
MATRIX_NAME = "K.txt"
VAL_FRACTION = 0.2
_PIECES = 10


class Recording(DepthSet):
    """One split of a recording.

    ``images`` holds colour images (PNG or JPEG), ``depth`` a 16-bit PNG of the same stem for
    each, registered to it, in millimetres, 0 where there is no reading. Beside the two folders is
    the camera: ``K.txt``, a 3x3 matrix, or a ROS camera_info file (``.yaml``).

    Numbers in the names give the order. The last fifth of the sequence is for validation, in one
    piece: neighbours in a recording look the same, and an image whose neighbour was trained on
    says nothing about new places.

    Args:
        root: folder of the recording.
        split: ``train`` or ``val``.

    Attributes:
        camera: of all images.
        size: height and width of all images.
        depth_kind: ``raw``, the only one in this layout.
        rendered: False, as this layout doesn't mark rendered rooms.

    Raises:
        DataError: a file or its counterpart is missing, or the camera doesn't fit.
    """

    depth_kind: DepthKind = "raw"
    rendered = False

    def __init__(self, root: str | Path, split: Literal["train", "val"]):
        self.root = Path(root)
        pairs = _pair_names(self.root)
        held_out = max(1, round(VAL_FRACTION * len(pairs)))
        self.first = 0 if split == "train" else len(pairs) - held_out
        kept = pairs[:-held_out] if split == "train" else pairs[-held_out:]
        self.colours = text_array(colour for colour, _ in kept)
        self.depths = text_array(depth for _, depth in kept)
        self.size = read_colour(self._colour(0), self._where(0)).shape[1:]
        self.camera = _read_camera(self.root, self.size)

    def __len__(self) -> int:
        return len(self.colours)

    def __getitem__(self, item: int) -> Sample:
        """Sample ``item`` of the split; its ``index`` counts from 0 in the whole recording.

        Raises:
            DataError: a file is damaged, of another size or type, or has no reading.
        """
        picture = read_colour(self._colour(item), self._where(item), self.size)
        scene = printable(self.root.resolve().name)
        return make_sample(picture, self.depth(item), self.first + item, scene)

    def depth(self, item: int) -> np.ndarray:
        """(H, W) float32 metres of sample ``item``, without reading its image.

        Raises:
            DataError: as for the sample.
        """
        path = self.root / DEPTH_FOLDER / os.fsdecode(self.depths[item])
        return read_depth(path, self._where(item), self.size)

    def recording(self, item: int) -> str:
        """Name of the piece of the sequence that sample ``item`` is in: a tenth of the split.

        Pieces are to a recording what recordings are to a larger data set: some of them can be
        held out of training.
        """
        piece = _PIECES * item // len(self)
        return printable(f"{self.root.resolve().name}_{piece}")

    def _colour(self, item: int) -> Path:
        return self.root / COLOUR_FOLDER / os.fsdecode(self.colours[item])

    def _where(self, item: int) -> str:
        return f"{self.root}, index {self.first + item}"


def _pair_names(root: Path) -> list[tuple[str, str]]:
    """File names of colour and depth images, in their order."""
    colours = _by_stem(root / COLOUR_FOLDER, SUFFIXES)
    depths = _by_stem(root / DEPTH_FOLDER, (".png",))
    for here, there, missing in ((colours, depths, "depth"), (depths, colours, "colour")):
        alone = sorted(here.keys() - there.keys())
        if alone:
            raise DataError(
                f"{here[alone[0]]}: expected a {missing} image of the same stem in "
                f"{root / (DEPTH_FOLDER if missing == 'depth' else COLOUR_FOLDER)}, found none "
                f"({len(alone)} such in all)"
            )
    if len(colours) < 2:
        raise DataError(
            f"{root}: expected at least 2 images, one to train on and one to validate, "
            f"found {len(colours)}"
        )
    return [(colours[stem].name, depths[stem].name) for stem in sorted(colours, key=_natural)]


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(
            f"no such folder: {folder}; a recording has {COLOUR_FOLDER}/, {DEPTH_FOLDER}/ and "
            f"{MATRIX_NAME} or a camera_info .yaml"
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in found:
            raise DataError(f"{path}: expected one image per stem, found {found[path.stem]}, too")
        found[path.stem] = path
    return found


def _natural(stem: str) -> list[str | int]:
    """Sorts frame_9 before frame_10: text and numbers alternate."""
    parts = re.split(r"([0-9]+)", stem)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _read_camera(root: Path, size: tuple[int, int]) -> Intrinsics:
    found = sorted(
        path for path in root.iterdir() if path.name == MATRIX_NAME or path.suffix == ".yaml"
    )
    if len(found) != 1:
        raise DataError(
            f"{root}: expected one camera, {MATRIX_NAME} or a camera_info .yaml; found "
            f"{[path.name for path in found]}"
        )
    path = found[0]
    height, width = size
    try:
        if path.name == MATRIX_NAME:
            camera = read_camera_matrix(path, width, height)
        else:
            camera = read_camera_yaml(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
    if (camera.width, camera.height) != (width, height):
        raise DataError(
            f"{path}: expected the camera of {width}x{height} images, found {camera.size_text}"
        )
    return camera
