"""What command lines say about how a data set is laid out."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME, DepthKind, Split
from training.data.open import LAYOUTS, DepthSet, open_splits


def add_layout_options(parser: argparse.ArgumentParser) -> None:
    """Options for data sets whose files don't lie where they usually do."""
    add = parser.add_argument
    add("--layout", choices=LAYOUTS, help="of the data set; default: what is there decides")
    add("--splits", type=Path, help=f"{SPLITS_NAME}, where it is not beside {MAT_NAME}")
    add("--list", type=Path, help="test list of a folder, where not in it under its usual name")
    add("--train-list", type=Path, help="its training list, likewise")


def open_as_told(
    data: Path, options: argparse.Namespace, depth: DepthKind = "raw"
) -> dict[Split, DepthSet]:
    """Both splits.

    Raises:
        DataError: as :func:`training.data.open.open_splits`.
    """
    return open_splits(
        data, options.layout, depth, options.splits, options.train_list, options.list
    )
