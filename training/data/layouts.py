"""Both splits of a data set, whatever its layout."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal, get_args

from training.data.depth_set import DepthSet
from training.data.nyu_folder import TEST_LIST, TRAIN_LIST, open_nyu_folder
from training.data.nyu_frames import NyuFrames
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME, NyuLabelled, Split
from training.data.packed import PACKED_SUFFIX, Packed
from training.data.recordings import COLOUR_FOLDER, DEPTH_FOLDER, Recording
from training.data.sample import DepthKind, warn_of_unit
from training.errors import DataError

Layout = Literal["labelled", "folder", "frames", "recording", "packed"]


def open_splits(data: Path, depth: DepthKind | None = None) -> dict[Split, DepthSet]:
    """Open a data set's training and test images; the layout is recognised from its content.

    Args:
        data: its folder, or the labelled or packed file itself.
        depth: the expected kind; only the labelled file has both kinds, of which ``raw`` is the
            default.

    Raises:
        DataError: no layout is recognised, its depth is not the expected one, or the layout's
            reader finds something wrong.
    """
    layout = layout_of(data)
    if layout == "labelled":
        mat = data if data.suffix == Path(MAT_NAME).suffix else data / MAT_NAME
        splits = mat.parent / SPLITS_NAME
        opened: dict[Split, DepthSet] = {
            name: NyuLabelled(mat, splits, name, depth or "raw") for name in get_args(Split)
        }
    else:
        opened = _open_other(layout, data)
    found = opened["train"].depth_kind
    if depth not in (None, found):
        raise DataError(_other_depth(layout, data, depth, found))
    for name, split in opened.items():
        with contextlib.suppress(DataError):  # reported with its index when it is read for training
            some = [split.depth(item) for item in {0, len(split) // 2}]
            warn_of_unit(some, f"{data}, {name} split")
    return opened


def _open_other(layout: Layout, data: Path) -> dict[Split, DepthSet]:
    """A layout that has only one kind of depth."""
    if layout == "packed":
        return {name: Packed(data, name) for name in get_args(Split)}
    if layout == "folder":
        train, test = open_nyu_folder(data)
        return {"train": train, "test": test}
    if layout == "frames":
        return {"train": NyuFrames(data, "train"), "test": NyuFrames(data, "val")}
    return {"train": Recording(data, "train"), "test": Recording(data, "val")}


def _other_depth(layout: Layout, data: Path, expected: DepthKind, found: DepthKind) -> str:
    if layout != "packed":
        return f"{data}: expected {expected} depth, but the layout {layout} has only {found} depth"
    return (
        f"{data}: expected {expected} depth, found {found}; to pack the other from the labelled "
        f"file: python -m training.prepare --convert FOLDER --depth {expected} --out FILE.h5"
    )


def layout_of(data: Path) -> Layout:
    """By what is there; if nothing is, it counts as NYU's labelled file, or a packed one.

    Raises:
        DataError: no layout is recognised.
    """
    if (data / TRAIN_LIST).is_file() or (data / TEST_LIST).is_file():
        return "folder"
    if data.suffix == PACKED_SUFFIX:
        return "packed"
    if data.is_file() and data.suffix != Path(MAT_NAME).suffix:
        raise DataError(
            f"{data}: expected a folder, {MAT_NAME} or a packed file that ends in {PACKED_SUFFIX}, "
            "found another file"
        )
    if not data.is_dir() or (data / MAT_NAME).is_file():
        return "labelled"
    if (data / "train").is_dir() and (data / "val").is_dir():
        return "frames"
    if (data / COLOUR_FOLDER).is_dir() and (data / DEPTH_FOLDER).is_dir():
        return "recording"
    raise DataError(
        f"{data}: expected {MAT_NAME} (labelled), {TRAIN_LIST} and {TEST_LIST} (folder), train "
        f"and val (frames), {COLOUR_FOLDER} and {DEPTH_FOLDER} (recording), or a file that ends in "
        f"{PACKED_SUFFIX} (packed); found none of them. To download NYU Depth V2 there: "
        f"python -m training.prepare --out {data}"
    )
