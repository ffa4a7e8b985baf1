"""Writes rendered rooms as a folder in the labelled NYU Depth V2 layout, or as a contact sheet."""

from __future__ import annotations

import argparse
import sys

from moa_depth_ros.command_line import a_path, at_least
from moa_depth_ros.intrinsics import NYU_KINECT
from training.alone import alone_in
from training.command_line import exit_code, new_file
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME
from training.rooms.nyu_file import ROOM_BYTES
from training.rooms.sets import write_set
from training.rooms.sheet import write_sheet
from training.rooms.streams import sample_frame

EPILOG = (
    f"The folder then holds {MAT_NAME} ({ROOM_BYTES / 1e6:g} MB per room) and {SPLITS_NAME}, which "
    "the project's NYU reader reads like the real ones. Rendered rooms stand in for a data set "
    "that cannot be redistributed: say so beside every figure measured on them."
)


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    options = argparse.ArgumentParser(
        prog="python -m training.rooms", description=__doc__, epilog=EPILOG
    )
    options.add_argument(
        "--out", type=a_path, metavar="FOLDER", help="the data set, e.g. data/rooms"
    )
    for name, least, default, text in (
        ("--train", 1, 200, "rooms to train on"),
        ("--test", 1, 100, "rooms to judge on"),
        ("--seed", 0, 7, "the same seed gives the same rooms"),
        ("--sheet-count", 1, 20, "rooms on the sheet"),
    ):
        text += " (default: %(default)s)"
        options.add_argument(name, type=at_least(least), default=default, metavar="N", help=text)
    options.add_argument(
        "--sheet", type=new_file(".png"), metavar="FILE", help="a PNG of rooms, colour above depth"
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Do what the options ask for; the exit code is 0, or 1 after a message."""
    options = parser()
    args = options.parse_args(arguments)
    if args.out is None and args.sheet is None:
        options.error("nothing to do: give --out FOLDER, --sheet FILE, or both")
    if args.out and args.train + args.test > 65535:
        options.error("--train and --test together must be at most 65535 rooms")
    return exit_code(lambda: _render(args))


def _render(args: argparse.Namespace) -> None:
    if args.sheet:
        camera = NYU_KINECT.resized(320, 240)
        frames = (sample_frame(args.seed, i, camera) for i in range(args.sheet_count))
        write_sheet(args.sheet, frames)
        print(f"wrote {args.sheet}")
    if args.out:
        with alone_in(args.out, MAT_NAME):
            write_set(args.out, args.train, args.test, args.seed)


if __name__ == "__main__":
    sys.exit(main())
