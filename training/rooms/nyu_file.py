"""Writes frames as the labelled NYU Depth V2 file and its split, exactly in their format.

`nyu_depth_v2_labeled.mat` is MATLAB v7.3, that is HDF5 behind a 512-byte MATLAB header, its axes
reversed: images (N, 3, 640, 480) uint8, depths and rawDepths (N, 640, 480) float32 metres, text as
references to uint16 characters. The real file's colour images have a white border; rendered ones
fill the frame.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray
from tqdm import tqdm

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.whole_file import whole_file
from training.data.hdf5 import check_space, writing
from training.data.nyu_labelled import RENDERED, is_rendered
from training.rooms.render import Frame

HEIGHT, WIDTH = NYU_KINECT.height, NYU_KINECT.width
HEADER_BYTES = 512
ROOM_BYTES = 1_700_000  # about; compressed
KINECT_RANGE = (0.7, 9.0)  # metres; rawDepths has no reading beyond
TEXTS = ("scenes", "sceneTypes", "rawRgbFilenames", "rawDepthFilenames")


def write_nyu_file(
    path: str | Path,
    frames: Iterable[Frame],
    count: int,
    splits_path: str | Path,
    num_train: int,
    seed: int,
) -> None:
    """Write `count` frames of 480 x 640 to `path` and the split, the first num_train for training,
    to splits_path.

    Frames are taken one by one, so memory stays constant; a progress bar goes to a terminal.
    Both files appear under their names only when complete. seed decides where rawDepths has holes.

    Raises: ValueError for a frame of another size, for too few frames, or for num_train outside
    0..count; FileExistsError if either exists and path was not written by this function;
    TrainingError if the disk has no room for path; OSError if it can't be written.
    """
    for there in (Path(path), Path(splits_path)):
        if there.exists() and not is_rendered(Path(path)):
            raise FileExistsError(
                f"{there}: already exists and was not rendered; use another folder, or remove it"
            )
    if not 0 <= num_train <= count or count == 0:
        raise ValueError(
            f"expected 0 <= num_train <= count and count > 0, found {num_train} of {count}"
        )
    check_space(Path(path), count * ROOM_BYTES)
    with whole_file(Path(path)) as labelled, whole_file(Path(splits_path)) as splits:
        _write_labelled(labelled, Path(path), frames, count, seed)
        _write_header(labelled)
        _write_splits(splits, count, num_train)


def raw_depth(frame: Frame, rng: np.random.Generator) -> NDArray[np.float32]:
    """The frame's depth as a Kinect would read it: 0 where it has none, elsewhere exact. (H, W)
    float32 metres.

    It has none beside nearer things (the projector's shadow), on surfaces seen at a flat angle, on
    very dark ones, on windows, out of range, and at the border of the image.
    """
    depth, grey = frame.depth, frame.picture.mean(axis=2)
    height, width = depth.shape
    scale = width / WIDTH
    patches = _patches(rng, depth.shape)
    slope = np.abs(np.gradient(depth)[0]) + np.abs(np.gradient(depth)[1])
    steep = slope * scale > 0.012 * depth * (1 + 0.3 * patches)
    dark = grey + 6 * patches < 14
    bright = grey + 8 * patches > 246
    far = (depth < KINECT_RANGE[0]) | (depth > KINECT_RANGE[1])
    holes = steep | dark | bright | far | _projector_shadow(depth, scale)
    rows, columns = max(1, round(7 * scale)), max(1, round(9 * scale))
    holes[:rows] = holes[height - rows :] = True
    holes[:, :columns] = holes[:, width - columns :] = True
    return np.where(holes, np.float32(0), depth)


def _projector_shadow(depth: NDArray[np.float32], scale: float) -> NDArray[np.bool_]:
    """Pixels left of a nearer surface that hides them from the projector, 7.5 cm to the side of the
    camera.
    """
    shift = 0.075 * 580.0 * scale / depth  # pixels of disparity
    place = np.arange(depth.shape[1]) - shift
    rightmost = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    return place > rightmost + 1.0


def _patches(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Blotchy noise of deviation about 1, so that holes have ragged edges."""
    rows, columns = -(-shape[0] // 4), -(-shape[1] // 4)
    return np.kron(rng.standard_normal((rows, columns)), np.ones((4, 4)))[
        : shape[0], : shape[1]
    ].clip(-2, 2)


def _write_labelled(
    path: Path, target: Path, frames: Iterable[Frame], count: int, seed: int
) -> None:
    options = {"userblock_size": HEADER_BYTES, "libver": "earliest"}
    with writing(path, target, **options) as file:
        file.attrs[RENDERED] = True
        chunks = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        whole = (WIDTH, HEIGHT)
        images = file.create_dataset(
            "images", (count, 3, *whole), "u1", chunks=(1, 3, *whole), **chunks
        )
        depths, raw = (
            file.create_dataset(name, (count, *whole), "f4", chunks=(1, *whole), **chunks)
            for name in ("depths", "rawDepths")
        )
        for data, kind in ((images, "uint8"), (depths, "single"), (raw, "single")):
            data.attrs["MATLAB_class"] = np.bytes_(kind)
        texts = {name: _TextColumn(file, name, count) for name in TEXTS}
        done = 0
        bar = tqdm(islice(frames, count), total=count, desc="rooms", unit="room", disable=None)
        for i, frame in enumerate(bar):
            if frame.depth.shape != (HEIGHT, WIDTH):
                raise ValueError(
                    f"frame {i}: expected {HEIGHT} x {WIDTH} pixels, found {frame.depth.shape}"
                )
            images[i] = frame.picture.transpose(2, 1, 0)
            depths[i] = frame.depth.T
            raw[i] = raw_depth(frame, np.random.default_rng([seed, i])).T
            scene = f"{frame.scene_type}_{i + 1:04d}"
            values = (scene, frame.scene_type, f"{scene}/r-{i + 1}.ppm", f"{scene}/d-{i + 1}.pgm")
            for name, value in zip(TEXTS, values, strict=True):
                texts[name][i] = value
            done += 1
        if done < count:
            raise ValueError(f"expected {count} frames, found {done}")


class _TextColumn:
    """A MATLAB cell array of strings: a (1, N) data set of references to uint16 character arrays of
    shape (length, 1).
    """

    def __init__(self, file: h5py.File, name: str, count: int) -> None:
        self._cells = file.create_dataset(name, (1, count), h5py.ref_dtype)
        self._cells.attrs["MATLAB_class"] = np.bytes_("cell")
        self._store = file.require_group("#refs#")

    def __setitem__(self, index: int, text: str) -> None:
        characters = np.array([ord(c) for c in text], np.uint16)[:, None]
        stored = self._store.create_dataset(f"{len(self._store)}", data=characters)
        stored.attrs["MATLAB_class"] = np.bytes_("char")
        stored.attrs["MATLAB_int_decode"] = np.int32(2)
        self._cells[0, index] = stored.ref


def _write_header(path: Path) -> None:
    """The text, version 0x0200 and byte order mark that MATLAB looks for in the file's first 128
    bytes.
    """
    created = datetime.datetime.now(datetime.timezone.utc).strftime("%a %b %d %H:%M:%S %Y")
    text = f"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: {created} HDF5 schema 1.00 ."
    with open(path, "r+b") as file:
        file.write(text.encode("ascii").ljust(116) + bytes(8) + b"\x00\x02IM")


def _write_splits(path: Path, count: int, num_train: int) -> None:
    """trainNdxs and testNdxs, (n, 1) uint16, counted from 1, as MATLAB v5."""
    indices = np.arange(1, count + 1, dtype=np.uint16)[:, None]
    with path.open("wb") as file:  # savemat would add a suffix to a name
        scipy.io.savemat(file, {"trainNdxs": indices[:num_train], "testNdxs": indices[num_train:]})
