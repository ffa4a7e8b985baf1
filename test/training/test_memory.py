"""Memory use stays the same however long a data set is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moa_depth_ros.machine.report import resident_bytes
from test.training.layouts import colour, millimetres, write_list, write_png
from training import prepare
from training.data.depth_set import DepthSet
from training.data.layouts import open_splits
from training.data.nyu_folder import NyuFolder

LINES, READ = 20_000, 1_500
SIZE = (96, 128)
SAMPLE_BYTES = 96 * 128 * (3 + 4)


def long_list(folder: Path) -> NyuFolder:
    """Twenty thousand lines that name the same four images over and over."""
    for number in range(4):
        write_png(folder / f"room/rgb_{number}.png", colour(number, SIZE))
        write_png(folder / f"room/depth_{number}.png", millimetres(number, SIZE))
    lines = (f"room/rgb_{n % 4}.png room/depth_{n % 4}.png 9.5" for n in range(LINES))
    return NyuFolder(folder, write_list(folder, "list.txt", list(lines)))


def packed_frames(folder: Path) -> DepthSet:
    """Two hundred training images in one file, more than HDF5 caches."""
    for number in range(250):
        write_png(folder / f"data/images/{number}.png", np.full((*SIZE, 3), number, np.uint8))
        write_png(folder / f"data/depth/{number}.png", np.full(SIZE, 1 + number, np.uint16))
    (folder / "data/K.txt").write_text("100 0 64\n0 100 48\n0 0 1\n")
    target = folder / "data.h5"
    assert prepare.main(["--convert", str(folder / "data"), "--out", str(target)]) == 0
    return open_splits(target)["train"]


@pytest.mark.parametrize("make", [long_list, packed_frames])
def test_reading_leaves_nothing_behind(tmp_path, make):
    dataset = make(tmp_path)
    for item in range(100):
        dataset[item]
    before = resident_bytes()
    for item in range(READ):
        dataset[item % len(dataset)]
    grown = resident_bytes() - before
    assert grown < 0.05 * READ * SAMPLE_BYTES  # of what it would take to keep them
