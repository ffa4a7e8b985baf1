"""What command lines say about where the parts of a data set lie."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.nyu_labelled import Split
from training.data.open import DepthSet, open_splits
from training.data.sample import DepthKind


def add_layout_options(parser: argparse.ArgumentParser) -> None:
    """Options for data sets whose files don't lie where they usually do."""
    add = parser.add_argument
    add(
        "--test-list",
        type=Path,
        metavar="FILE",
        help="test list of a folder, where not in it under its usual name",
    )
    add("--train-list", type=Path, metavar="FILE", help="its training list, likewise")


def open_as_told(
    data: Path, options: argparse.Namespace, depth: DepthKind | None = None
) -> dict[Split, DepthSet]:
    """Both splits.

    Raises:
        DataError: as :func:`training.data.open.open_splits`.
    """
    return open_splits(data, depth, options.train_list, options.test_list)
