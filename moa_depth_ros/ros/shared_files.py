"""Finds the files of the ``config`` folder."""

from __future__ import annotations

import sys
from pathlib import Path


def shared_file(name: str) -> Path:
    """A file of this package's ``config`` folder: in a checkout beside the package, else in
    ``share/moa_depth_ros`` below the prefix that the package was installed to.

    Args:
        name: such as "fastdds.xml".
    Raises:
        FileNotFoundError: not installed; the text names the places searched.
    """
    package = Path(__file__).resolve().parents[1]
    prefixes = [*package.parents, Path(sys.prefix)]
    places = [package.parent / "config" / name]
    places += [prefix / "share" / "moa_depth_ros" / "config" / name for prefix in prefixes]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"{name} is not in {', '.join(str(place.parent) for place in places)}")
