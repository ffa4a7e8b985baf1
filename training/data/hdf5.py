"""HDF5 files: several processes read them, and writing may fill up the disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py

from training.errors import TrainingError


class SharedFile:
    """A file that each process that reads from it opens for itself.

    A handle never crosses a fork or a pickle: HDF5 would read at the other process's position.

    Args:
        path: of the file.
        opener: opens it, or says what is wrong with it.
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


def check_space(path: Path, needed: int) -> None:
    """Refuse to write ``needed`` bytes to ``path`` if its disk has no room for them.

    Raises:
        TrainingError: saying how many are free.
    """
    folder = next(folder for folder in path.absolute().parents if folder.is_dir())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TrainingError(
            f"{path}: needs {needed / 1e6:.1f} MB, but {folder} has {free / 1e6:.1f} MB free; make "
            "room, or write elsewhere"
        )


@contextmanager
def writing(path: Path, target: Path, **options: Any) -> Iterator[h5py.File]:
    """A new file to write to, which is empty afterwards if the block raises an exception.

    Args:
        path: of the file.
        target: what it will become, to name it in errors.
        options: further ones of h5py.File.

    Raises:
        OSError: it can't be written, as when the disk is full.
    """
    file = h5py.File(path, "w", **options)
    try:
        yield file
        file.flush()
    except BaseException as error:
        # Room for what HDF5 still holds back: it would crash over that when the interpreter ends.
        os.truncate(path, 0)
        with suppress(RuntimeError):
            file.close()
        if isinstance(error, OSError | RuntimeError):
            _raise_plainly(error, target)
        raise
    file.close()


def _raise_plainly(error: OSError | RuntimeError, target: Path) -> None:
    """Raise the system's own error about the target, if HDF5's message contains one."""
    if found := re.search(r"errno = (\d+)", str(error)):
        number = int(found[1])
        raise OSError(number, os.strerror(number), str(target)) from error
