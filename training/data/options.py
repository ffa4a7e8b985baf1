"""What command lines that read a data set have in common: which images, which depth."""

from __future__ import annotations

import argparse
from typing import get_args

from torch.utils.data import Dataset, Subset

from moa_depth_ros.command_line import a_path, at_least
from training.data.depth_set import DepthSet
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, Split
from training.data.packed import PACKED_SUFFIX
from training.data.sample import DepthKind, Sample


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Options that name a data set, its split and how much of it."""
    add = parser.add_argument
    add(
        "--data",
        type=a_path,
        required=True,
        help=f"folder of the data set, or {MAT_NAME} or a packed {PACKED_SUFFIX} file itself",
    )
    add("--split", choices=get_args(Split), default="test", help="default: %(default)s")
    add("--limit", type=at_least(1), help="use only this many images, the first of the split")


def add_depth_option(parser: argparse.ArgumentParser, meaning: str) -> None:
    """``--depth``, whose help begins with ``meaning``."""
    parser.add_argument(
        "--depth",
        choices=get_args(DepthKind),
        help=f"{meaning}; default: the data set's, raw for the labelled file",
    )


def open_selection(
    options: argparse.Namespace, depth: DepthKind | None = None
) -> tuple[Dataset[Sample], dict[Split, DepthSet]]:
    """The images that the options ask for, and both complete splits.

    Raises:
        DataError: as :func:`training.data.layouts.open_splits`.
    """
    splits = open_splits(options.data, depth)
    chosen = splits[options.split]
    count = min(len(chosen), options.limit or len(chosen))
    return Subset(chosen, range(count)), splits
