"""One process at a time in a folder, so that none writes over what another one makes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from training.errors import TrainingError


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """While this is entered, no other process enters it for the same folder and work.

    A kill ends it, too: the system takes the lock back. On a file system without locks nothing
    happens.

    Args:
        folder: is made; on leaving, it is removed where nothing is in it.
        work: a word for what is done there, which the lock's file is named by.

    Raises:
        TrainingError: another process is in it.
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{work}.lock"
    # Not flock, whose lock the workers of a killed process would keep.
    with path.open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise TrainingError(
                f"{folder}: another process is at work in it; wait for its end, or take another "
                "--output"
            ) from error
        except OSError:
            pass
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # something is in it
                folder.rmdir()
