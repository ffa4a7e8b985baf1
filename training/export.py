"""Writes a split's colour images, for other programs to predict on: ``python -m training.export``.

``python -m training.evaluate FOLDER`` evaluates their depth by the same protocol as this project's:
for each image, a 16-bit PNG in millimetres under the image's own name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from torch.utils.data import Dataset
from tqdm import trange

from moa_depth_ros.command_line import a_path
from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.pictures.files import write_picture
from training.command_line import exit_code
from training.data.options import add_data_options, open_selection
from training.data.sample import Sample
from training.errors import DataError
from training.judging.predictors import file_name


def export(pictures: Dataset[Sample], folder: Path) -> None:
    """Write every colour image as PNG, named by its index.

    Raises:
        DataError: there are PNGs in the folder, or an image cannot be read.
        OSError: one cannot be written.
    """
    if there := min(folder.glob("*.png"), default=None):
        raise DataError(
            "--out: expected a folder without PNGs, because predictions have the same names; "
            f"found {there}. Name another folder, or move its PNGs away"
        )
    count = len(pictures)  # type: ignore[arg-type]
    for item in trange(count, desc="writing", disable=None):
        sample = pictures[item]
        write_picture(
            folder / file_name(sample["index"]), sample["picture"].numpy().transpose(1, 2, 0)
        )
    out = printable(str(folder))
    print(f"{out}: {count} images; write the depth of each under the same name elsewhere")


def main(args: Sequence[str] | None = None) -> int:
    """Export as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=a_path, required=True, help="folder to write to")
    options = parser.parse_args(args)
    return exit_code(lambda: export(open_selection(options)[0], options.out))


if __name__ == "__main__":
    sys.exit(main())
