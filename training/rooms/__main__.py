"""Writes rendered rooms as a folder in the labelled NYU Depth V2 layout, or as a sheet to see."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from moa_depth_ros.intrinsics import NYU_KINECT
from training.command_line import exit_code, new_file
from training.rooms.nyu_file import write_nyu_file
from training.rooms.sheet import write_sheet
from training.rooms.streams import sample_frame

EPILOG = (
    "The folder then holds nyu_depth_v2_labeled.mat (1.7 MB a room) and splits.mat, which the "
    "project's NYU reader reads as the real ones. Rendered rooms stand in for a data set that "
    "cannot be redistributed: say so beside every figure measured on them."
)


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    options = argparse.ArgumentParser(
        prog="python -m training.rooms", description=__doc__, epilog=EPILOG
    )
    options.add_argument("--out", type=Path, metavar="FOLDER", help="the set, e.g. data/rooms")
    for name, default, text in (
        ("--train", 200, "rooms to train on"),
        ("--test", 100, "rooms to judge on"),
        ("--seed", 7, "the same seed gives the same rooms"),
        ("--sheet-count", 20, "rooms on the sheet"),
    ):
        text += " (default: %(default)s)"
        options.add_argument(name, type=int, default=default, metavar="N", help=text)
    options.add_argument(
        "--sheet", type=new_file(".png"), metavar="FILE", help="a PNG, colour above depth"
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Does what the options ask for; the exit code is 0, or 1 after a message."""
    options = parser()
    args = options.parse_args(arguments)
    if args.out is None and args.sheet is None:
        options.error("nothing to do: give --out FOLDER, --sheet FILE, or both")
    if min(args.train, args.test, args.seed) < 0 or args.sheet_count < 1:
        options.error("--train, --test and --seed must be at least 0, --sheet-count at least 1")
    if args.out and not 0 < args.train + args.test <= 65535:
        options.error("--train and --test together must be 1 to 65535 rooms")
    return exit_code(lambda: _render(args))


def _render(args: argparse.Namespace) -> None:
    if args.sheet:
        camera = NYU_KINECT.resized(320, 240)
        frames = (sample_frame(args.seed, i, camera) for i in range(args.sheet_count))
        write_sheet(args.sheet, frames)
        print(f"wrote {args.sheet}")
    if args.out:
        write_set(args.out, args.train, args.test, args.seed)


def write_set(folder: Path, num_train: int, num_test: int, seed: int) -> None:
    """Writes nyu_depth_v2_labeled.mat and splits.mat into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    count = num_train + num_test
    frames = (sample_frame(seed, i, NYU_KINECT) for i in range(count))
    path, splits = folder / "nyu_depth_v2_labeled.mat", folder / "splits.mat"
    write_nyu_file(path, frames, count, splits, num_train, seed)
    print(f"wrote {path} ({count} rooms), {splits} ({num_train} to train, {num_test} to test)")


if __name__ == "__main__":
    sys.exit(main())
