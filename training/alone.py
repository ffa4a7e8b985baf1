"""One process at a time in a folder, so that none overwrites another one's files."""

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
    """Hold a lock that keeps other processes from the same work in the same folder.

    If this process is killed, the system releases the lock. On a file system without locks,
    nothing is locked.

    Args:
        folder: is created if missing; on exit, it is removed if empty.
        work: a word for what is done there, or the file that is written; it names the lock.

    Raises:
        TrainingError: another process holds the lock.
        OSError: the folder can't be written to.
    """
    path = folder / f".{work}.lock"
    with _locked(path, folder):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _locked(path: Path, folder: Path) -> IO[str]:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
        # Not flock: the workers of a killed process would keep its lock.
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            file.close()
            raise TrainingError(
                f"{folder}: another process is working in it ({path.name}); wait until it "
                "ends, or write elsewhere"
            ) from error
        except OSError:
            return file
        # The previous holder may have removed the file after it was opened here: the next process
        # would then lock a new one.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
