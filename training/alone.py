"""One process at a time in a folder, so that none writes over what another one makes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from training.errors import TrainingError


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """While this is entered, no other process enters it for the same folder and work.

    A kill ends it, too: the system takes the lock back. On a file system without locks nothing
    happens.

    Args:
        folder: is made; on leaving, it is removed where nothing is in it.
        work: a word for what is done there, or a file that is written; the lock is named by it.

    Raises:
        TrainingError: another process is in it.
        OSError: the folder can't be written.
    """
    path = folder / f".{work}.lock"
    with _locked(path, folder):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # something is in it
                folder.rmdir()


def _locked(path: Path, folder: Path) -> IO[str]:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
        # Not flock, whose lock the workers of a killed process would keep.
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            file.close()
            raise TrainingError(
                f"{folder}: another process is at work in it ({path.name}); wait for its end, or "
                "write elsewhere"
            ) from error
        except OSError:
            return file
        # Whoever had it may have removed the file since it was opened here: the next one who comes
        # would lock another.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
