"""What the demo's camera sees: rendered rooms, or a folder of real images."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.pictures.camera_files import read_camera_matrix, read_camera_yaml
from moa_depth_ros.pictures.files import SUFFIXES, read_depth_png, read_picture

ROOMS = 4
FIRST_SEED = 7
FRAMES_PER_ROOM = 8
RENDER_SECONDS = 8.0  # at most; about half of it on an idle machine
GUESSED_VIEW_DEGREES = 60


@dataclass(frozen=True)
class View:
    """One image and what is known about it.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 true metres, 0 where unknown; None without ground truth.
    """

    picture: np.ndarray
    depth: np.ndarray | None


class Source(Protocol):
    """A short film.

    Attributes:
        camera: the camera that took it.
        text: a description for people.
    """

    camera: Intrinsics
    text: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> View: ...


class Rooms:
    """Short walks through rendered rooms, with exact depth; fewer if rendering is slow."""

    def __init__(self) -> None:
        from training.rooms import sample_walk

        self.camera = NYU_KINECT
        self._views: list[View] = []
        walks = [sample_walk(FIRST_SEED + i, FRAMES_PER_ROOM, self.camera) for i in range(ROOMS)]
        begin = time.monotonic()
        for frame in itertools.chain.from_iterable(walks):
            self._views.append(View(frame.picture, frame.depth))
            if time.monotonic() - begin > RENDER_SECONDS:
                break
        rooms = math.ceil(len(self) / FRAMES_PER_ROOM)
        self.text = f"rendered rooms: {len(self)} frames of walks through {rooms} of them"

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, index: int) -> View:
        return self._views[index]


class Folder:
    """A folder of images in the order of their names, read when they are needed.

    True depth (16-bit PNG, millimetres, 0 unknown) is found in two layouts: ``images/X.png`` beside
    ``depth/X.png``, and ``rgb_N.*`` beside ``sync_depth_N.png``.

    Args:
        folder: of the images, or the one that holds ``images`` and ``depth``.
        camera_yaml: a ROS camera_info file; None: ``camera.yaml`` or ``K.txt`` (3x3) if there is
            one, else the Kinect's for 640x480 images, else a guess, which ``text`` admits.

    Raises:
        ValueError: no image there, or one that can't be read; the text names the file.
    """

    def __init__(self, folder: Path, camera_yaml: Path | None = None) -> None:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder")
        images = folder / "images" if (folder / "images").is_dir() else folder
        names = sorted(p for p in images.glob("*") if p.suffix.lower() in SUFFIXES)
        self._paths = [p for p in names if not p.name.startswith("sync_depth_")]
        if not self._paths:
            raise ValueError(f"{images}: no {', '.join(SUFFIXES)} images in this folder")
        # A calibration describes the image as the sensor delivered it.
        camera_yaml = camera_yaml or next(_beside(images, "camera.yaml"), None)
        self._upright = camera_yaml is None and not any(_beside(images, "K.txt"))
        height, width = self[0].picture.shape[:2]
        self.camera, source = _camera(images, width, height, camera_yaml)
        self.text = f"{len(self)} images of {images}; intrinsics: {source}"

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> View:
        path = self._paths[index]
        truth = _depth_path(path)
        if not truth.is_file():
            return View(read_picture(path, upright=self._upright), None)
        picture, depth = read_picture(path), read_depth_png(truth)
        if picture.shape[:2] != depth.shape:
            raise ValueError(
                f"{truth}: expected the size of {path.name}, {picture.shape[1]}x"
                f"{picture.shape[0]}, found {depth.shape[1]}x{depth.shape[0]}"
            )
        return View(picture, depth)


def _depth_path(path: Path) -> Path:
    if path.name.startswith("rgb_"):
        return path.with_name(f"sync_depth_{path.stem.removeprefix('rgb_')}.png")
    return path.parent.parent / "depth" / f"{path.stem}.png"


def _beside(images: Path, name: str) -> Iterator[Path]:
    """Files of this name that belong to the images."""
    folders = [images] + ([images.parent] if images.name == "images" else [])
    return (folder / name for folder in folders if (folder / name).is_file())


def _camera(
    images: Path, width: int, height: int, camera_yaml: Path | None
) -> tuple[Intrinsics, str]:
    if camera_yaml is not None:
        return read_camera_yaml(camera_yaml).fitted(width, height), str(camera_yaml)
    if (matrix := next(_beside(images, "K.txt"), None)) is not None:
        return read_camera_matrix(matrix, width, height), str(matrix)
    unknown = "NOT KNOWN (no camera.yaml or K.txt there)"
    if (width, height) == (NYU_KINECT.width, NYU_KINECT.height):
        return NYU_KINECT, f"{unknown}, assumed to be those of NYU Depth V2's Kinect"
    focal = width / 2 / math.tan(math.radians(GUESSED_VIEW_DEGREES / 2))
    camera = Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    return camera, f"{unknown}, guessed as {GUESSED_VIEW_DEGREES} degrees across"
