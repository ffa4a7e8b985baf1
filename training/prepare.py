"""Downloads or packs a data set: ``python -m training.prepare``.

Downloads ``nyu_depth_v2_labeled.mat`` (2.8 GB) and ``splits.mat`` of NYU Depth V2 from their home
page. An interrupted download resumes where it stopped; an existing file is kept. Size and checksum
of both are checked. With --convert, packs a data set of any layout into a single file, the fastest
to train from.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from moa_depth_ros.command_line import a_path, at_least
from moa_depth_ros.machine.file_names import printable
from training.alone import alone_in
from training.command_line import exit_code
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME
from training.data.options import add_depth_option
from training.data.pack import pack
from training.data.packed import PACKED_SUFFIX
from training.download import download
from training.errors import DataError

BASE_URL = "http://horatio.cs.nyu.edu/mit/silberman"
PLACES = {SPLITS_NAME: f"indoor_seg_sup/{SPLITS_NAME}", MAT_NAME: f"nyu_depth_v2/{MAT_NAME}"}
"""Paths of the files below the base URL; the small one first."""

BYTES = {MAT_NAME: 2_972_037_809, SPLITS_NAME: 2_626}
"""Sizes of the files as NYU publishes them; every other copy has the same."""

_BLOCK = 1 << 20

SHA256 = {
    MAT_NAME: "2d724b0c0ab358aa1ce5df855e5bd14a2279ab7202efe22f32a30d612dcb86aa",
    SPLITS_NAME: "6e081404491a8bfba2f066beaa9713ef6046f9007aa5f799f2a350506a580cee",
}


def check_bytes(path: Path, name: str) -> None:
    """Refuse a file that is not, byte for byte, the published one of this name.

    Raises:
        DataError: saying what was found.
    """
    size = path.stat().st_size
    if size != BYTES[name]:
        raise DataError(f"{path}: expected the {BYTES[name]} bytes of {name}, found {size}")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != SHA256[name]:
        raise DataError(
            f"{path}: expected the SHA-256 {SHA256[name]} of {name}, found {digest.hexdigest()}"
        )


def prepare(folder: Path, base_url: str = BASE_URL) -> None:
    """Download both files into ``folder``.

    Raises:
        DownloadError: one cannot be downloaded.
        DataError: one is not what it should be.
        TrainingError: another process is downloading it.
    """
    for name, place in PLACES.items():
        target, check = folder / name, partial(check_bytes, name=name)
        if target.exists():
            check(target)
            print(f"{target}: already there")
        else:
            with alone_in(folder, name):
                download(f"{base_url.rstrip('/')}/{place}", target, BYTES[name], check)
            print(f"{target}: {BYTES[name]} bytes")


def convert(options: argparse.Namespace) -> None:
    """Pack a data set of any layout into one file, training images shrunk if asked.

    Raises:
        DataError: from the data set's reader; the file has a suffix other than ``.h5``, is the
            data set itself, or exists and is not a packed file; or images would be enlarged.
        TrainingError: another process is writing the file.
    """
    target: Path = options.out
    if target.suffix != PACKED_SUFFIX:
        raise DataError(f"--out: expected a file that ends in {PACKED_SUFFIX}, found {target}")
    if target.exists() and target.samefile(options.convert):
        raise DataError(f"--out: expected a file other than the one to pack, found {target}")
    splits = open_splits(options.convert, options.depth)
    found = splits["train"].size
    if options.size and (options.size[0] > found[0] or options.size[1] > found[1]):
        raise DataError(
            f"--size: expected at most {found[0]} {found[1]}, the size of the training images, "
            f"found {options.size[0]} {options.size[1]}"
        )
    with alone_in(target.parent, target.name):
        pack(splits, target, str(options.convert), tuple(options.size) if options.size else None)
    print(printable(f"{target}: {target.stat().st_size} bytes"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.prepare", description=__doc__)
    add = parser.add_argument
    add(
        "--out",
        type=a_path,
        help="folder to download to (default: data/nyu), or file to pack into",
    )
    add("--base-url", help=f"URL to download from; default: {BASE_URL}")
    add("--convert", type=a_path, metavar="DATA", help="pack this data set instead of downloading")
    add(
        "--size",
        type=at_least(1),
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="with --convert: shrink training images to this, the network's input size",
    )
    add_depth_option(parser, "with --convert: which depth to pack")
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Prepare as the arguments say; the exit code is 0, or 1 after a message on standard error."""
    parser = _parser()
    options = parser.parse_args(args)
    if options.convert and not options.out:
        parser.error(f"--convert needs --out FILE{PACKED_SUFFIX}")
    for name in ("base_url",) if options.convert else ("size", "depth"):
        if getattr(options, name):
            which = "a download" if options.convert else "--convert"
            parser.error(f"--{name.replace('_', '-')} is only for {which}")
    if options.convert:
        return exit_code(lambda: convert(options))
    return exit_code(lambda: prepare(options.out or Path("data/nyu"), options.base_url or BASE_URL))


if __name__ == "__main__":
    sys.exit(main())
