"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, which becomes ``path`` at the end of the block.

    Where the block ends by an exception, what was written is removed, and ``path`` stays as it was.
    The folder is made.

    Raises:
        OSError: it can't be written; names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, not on another disk, from where a rename would be a copy. One name, not one a
    # process: what a kill leaves is overwritten the next time.
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())  # or, after a power cut, the new name may be of an empty file
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # write() knows no name
    finally:
        unfinished.unlink(missing_ok=True)
