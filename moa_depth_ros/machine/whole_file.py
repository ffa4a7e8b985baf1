"""Files that are complete or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, which becomes ``path`` at the end of the block.

    If the block ends with an exception, what was written is removed, and ``path`` stays as it was.
    The folder is created.

    Raises:
        OSError: the file can't be written; names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it: from another disk, a rename would be a copy. One name, not one per process, so that
    # what a killed process leaves behind is overwritten the next time.
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())  # or the new name may hold an empty file after a power cut
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # write() gives no name
    finally:
        unfinished.unlink(missing_ok=True)
