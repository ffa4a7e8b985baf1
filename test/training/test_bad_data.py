"""Bad input in every layout: one error that names file, and line or index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from test.training.layouts import (
    colour,
    millimetres,
    write_folder,
    write_frame,
    write_frames,
    write_list,
    write_png,
    write_recording,
)
from training import prepare
from training.data.layouts import open_splits
from training.errors import DataError

MAT, SPLITS, PACKED = "nyu_depth_v2_labeled.mat", "splits.mat", "packed.h5"
SYNC, LIST = "sync/kitchen_0028b", "nyudepthv2_train_files_with_gt.txt"
TEST_LIST = "nyudepthv2_test_files_with_gt.txt"
STUDY = "train/study_0003"
NONE = np.zeros((6, 8), np.uint16)
RGB = colour(0).transpose(2, 0, 1)

Damage = Callable[[Path], object]


def removed(name: str) -> Damage:
    return lambda root: (root / name).unlink()


def truncated(name: str) -> Damage:
    def damage(root: Path) -> None:
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])

    return damage


def png(name: str, pixels: np.ndarray) -> Damage:
    return lambda root: write_png(root / name, pixels)


def frame(**content: np.ndarray) -> Damage:
    return lambda root: write_frame(root / STUDY / "00003.h5", **content)


def second_line(line: str) -> Damage:
    def damage(root: Path) -> None:
        lines = (root / LIST).read_text().splitlines()
        write_list(root, LIST, [lines[0], line, *lines[2:]])

    return damage


def stored(name: str, key: str, value: np.ndarray | None) -> Damage:
    """Another dataset, or none, under a key of an HDF5 file."""

    def damage(root: Path) -> None:
        with h5py.File(root / name, "a") as file:
            del file[key]
            if value is not None:
                file[key] = value

    return damage


def emptied(name: str, key: str, index: int) -> Damage:
    def damage(root: Path) -> None:
        with h5py.File(root / name, "a") as file:
            file[key][index] = 0

    return damage


def split(train: list[int], test: list[int]) -> Damage:
    return lambda root: savemat(root / SPLITS, {"trainNdxs": [train], "testNdxs": [test]})


def overlap(root: Path) -> None:
    """One root for both lists, whose first lines name the same image."""
    (root / "sync/kitchen_0028b").rename(root / "kitchen_0028b")
    (root / "sync").rmdir()
    (root / "official_splits/test").rename(root / "official_splits/unused")
    write_list(root, TEST_LIST, [(root / LIST).read_text().splitlines()[0]])


CASES: list[tuple[str, str, Damage, str]] = [
    ("labelled", "missing file", removed(MAT), rf"no such file: .*{MAT}"),
    ("labelled", "missing splits", removed(SPLITS), rf"no such file: .*{SPLITS}"),
    ("labelled", "truncated", truncated(MAT), rf"{MAT}: .*damaged or truncated"),
    (
        "labelled",
        "depth of another size",
        stored(MAT, "rawDepths", np.ones((5, 8, 5), np.float32)),
        rf"{MAT}: rawDepths: expected \(5, 8, 6\), found \(5, 8, 5\)",
    ),
    (
        "labelled",
        "depth of another type",
        stored(MAT, "rawDepths", np.ones((5, 8, 6), np.uint16)),
        rf"{MAT}: rawDepths: expected float32, found uint16",
    ),
    ("labelled", "no depth", stored(MAT, "rawDepths", None), rf"{MAT}: .*dataset 'rawDepths'"),
    (
        "labelled",
        "no reading",
        emptied(MAT, "rawDepths", 2),
        rf"{MAT}: rawDepths of index 2: exp",
    ),
    ("labelled", "index outside", split([1, 6], [2]), rf"{SPLITS}: .*from 1 to 5, found 6"),
    ("labelled", "overlap", split([1, 4], [2, 4]), rf"{SPLITS}: index 4 is in both trainNdxs and"),
    ("folder", "missing list", removed(LIST), rf"no such list file: .*{LIST}"),
    ("folder", "missing file", removed(f"{SYNC}/rgb_00002.png"), rf"{LIST}, line 3: no such file"),
    (
        "folder",
        "truncated",
        truncated(f"{SYNC}/sync_depth_00002.png"),
        rf"{LIST}, line 3: .*sync_depth_00002\.png: .*an unreadable file",
    ),
    (
        "folder",
        "depth of another size",
        png(f"{SYNC}/sync_depth_00002.png", millimetres(0, (6, 7))),
        rf"{LIST}, line 3: .*sync_depth_00002\.png: expected 8x6 .*found 7x6",
    ),
    (
        "folder",
        "depth of another type",
        png(f"{SYNC}/sync_depth_00002.png", colour(0)),
        rf"{LIST}, line 3: .*sync_depth_00002\.png: .*found uint8",
    ),
    ("folder", "no depth", second_line("rgb.png None 9.5"), rf"{LIST}, line 2: expected depth for"),
    (
        "folder",
        "no reading",
        png(f"{SYNC}/sync_depth_00002.png", NONE),
        rf"{LIST}, line 3: .*sync_depth_00002\.png: expected depth, found not one reading",
    ),
    ("folder", "a line of nothing", second_line(""), rf"{LIST}, line 2: expected 'colour depth"),
    ("folder", "overlap", overlap, rf"{TEST_LIST}, line 1: .*rgb_00000\.png is in .*{LIST}"),
    (
        "frames",
        "missing folder",
        lambda root: (root / STUDY).rename(root / "a"),
        r"train: expected",
    ),
    ("frames", "truncated", truncated(f"{STUDY}/00003.h5"), r"00003\.h5: .*damaged or truncated"),
    (
        "frames",
        "depth of another size",
        frame(rgb=RGB, depth=np.ones((6, 7), np.float32)),
        r"00003\.h5: depth: expected \(6, 8\) .*found \(6, 7\)",
    ),
    (
        "frames",
        "depth of another type",
        frame(rgb=RGB, depth=millimetres(0)),
        r"00003\.h5: depth: expected float32, found uint16",
    ),
    ("frames", "no depth", frame(rgb=RGB), r"00003\.h5: expected a dataset 'depth'"),
    (
        "frames",
        "no reading",
        frame(rgb=RGB, depth=NONE.astype(np.float32)),
        r"00003\.h5: depth: expected depth, found not one reading",
    ),
    ("recording", "missing camera", removed("K.txt"), r"expected one camera, K\.txt or"),
    ("recording", "no depth", removed("depth/frame_3.png"), r"frame_3\.png: expected a depth"),
    ("recording", "no colour", removed("images/frame_3.png"), r"frame_3\.png: expected a colour"),
    (
        "recording",
        "truncated",
        truncated("depth/frame_3.png"),
        r"index 3: .*depth/frame_3\.png: .*an unreadable file",
    ),
    (
        "recording",
        "depth of another size",
        png("depth/frame_3.png", millimetres(0, (6, 7))),
        r"index 3: .*depth/frame_3\.png: expected 8x6 .*found 7x6",
    ),
    (
        "recording",
        "depth of another type",
        png("depth/frame_3.png", colour(0)),
        r"index 3: .*depth/frame_3\.png: .*found uint8",
    ),
    (
        "recording",
        "no reading",
        png("depth/frame_3.png", NONE),
        r"index 3: .*depth/frame_3\.png: expected depth, found not one reading",
    ),
    ("packed", "missing file", removed(PACKED), rf"no such file: .*{PACKED}"),
    ("packed", "truncated", truncated(PACKED), rf"{PACKED}: .*damaged or truncated"),
    (
        "packed",
        "depth of another size",
        stored(PACKED, "train/depth", np.ones((8, 6, 7), np.uint16)),
        rf"{PACKED}: train/depth: expected \(8, 6, 8\)",
    ),
    (
        "packed",
        "depth of another type",
        stored(PACKED, "train/depth", np.ones((8, 6, 8), np.float32)),
        rf"{PACKED}: train/depth: .*uint16, found",
    ),
    ("packed", "no depth", stored(PACKED, "train/depth", None), rf"{PACKED}: train: .*'depth'"),
    (
        "packed",
        "no reading",
        emptied(PACKED, "train/depth", 3),
        rf"{PACKED}: train/depth of image 3: expected depth, found not one reading",
    ),
]


@pytest.fixture
def data(tmp_path, nyu) -> Callable[[str], Path]:
    """Writes an intact data set of a layout; returns its folder."""

    def write(layout: str) -> Path:
        if layout == "labelled":
            return nyu()
        if layout == "packed":
            recording = write_recording(tmp_path / "recording")
            out = tmp_path / PACKED
            assert prepare.main(["--convert", str(recording), "--out", str(out)]) == 0
            return tmp_path
        writers = {"folder": write_folder, "frames": write_frames, "recording": write_recording}
        return writers[layout](tmp_path / "data")

    return write


@pytest.mark.parametrize(
    ("layout", "damage", "message"),
    [pytest.param(case[0], case[2], case[3], id=f"{case[0]}, {case[1]}") for case in CASES],
)
def test_what_is_wrong_is_named(data, layout, damage, message):
    root = data(layout)
    place = root / {"packed": PACKED, "labelled": MAT}.get(layout, "")

    def read_all() -> int:
        splits = open_splits(place)
        return sum(
            1 for samples in splits.values() for item in range(len(samples)) if samples[item]
        )

    assert read_all() > 2
    damage(root)
    with pytest.raises(DataError, match=message):
        read_all()
