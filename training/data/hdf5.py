"""HDF5 files that several processes read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py


class SharedFile:
    """A file that is opened anew in each process that reads from it.

    A handle never crosses a fork or a pickle: HDF5 would read at the other process's place.

    Args:
        path: of the file.
        opener: opens it, and says what is wrong with it.
    """

    def __init__(self, path: Path, opener: Callable[[Path], h5py.File]):
        self.path = path
        self._opener = opener
        self._file: h5py.File | None = None
        self._process = 0

    def handle(self) -> h5py.File:
        """This process's own."""
        if self._file is None or self._process != os.getpid():
            self._file, self._process = self._opener(self.path), os.getpid()
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}
