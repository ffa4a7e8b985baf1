"""Checkpoints that are either complete or absent, and how to find the newest."""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from moa_depth_ros.machine.whole_file import whole_file
from training.errors import CheckpointError

_KEPT = 2  # the newest, and the one before it in case the newest is damaged
_UNREADABLE = (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile)
_NAME = re.compile(r"epoch-(\d+)\.ckpt")


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to disk, then renames: a kill leaves the previous file.

    After an epoch's checkpoint is written, the ones no longer needed are removed.

    Lightning's own writer goes through the system's temporary folder, which may be on another
    disk: the rename is then a copy, and a kill in the middle leaves half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``.

        Raises:
            OSError: it can't be written; names ``path``.
        """
        try:
            with whole_file(Path(path)) as unfinished, unfinished.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:
            # What torch.save raises on a full disk doesn't mention it.
            reason = error if isinstance(error, OSError) else error.__context__
            if not isinstance(reason, OSError):
                raise
            raise OSError(reason.errno, reason.strerror, str(path)) from error
        _remove_older(Path(path))

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read ``path``: only tensors and plain values; nothing in it is executed.

        Raises:
            CheckpointError: it is missing, damaged or not a checkpoint.
        """
        try:
            with zipfile.ZipFile(path) as archive:  # torch.load compares no checksums
                if (part := archive.testzip()) is not None:
                    raise zipfile.BadZipFile(f"the checksum of {part} is wrong")
            return torch.load(path, map_location="cpu", weights_only=True)
        except _UNREADABLE as error:
            reason = str(error).strip().splitlines()[0] if str(error) else "unexpected end"
            raise CheckpointError(
                f"{path}: expected a checkpoint, found a missing or damaged file ({reason}); "
                "name an earlier one with --ckpt_path"
            ) from error


class BackgroundCheckpointIO(AtomicCheckpointIO):
    """Writes snapshots in the background while training continues, one file after another.

    An error in the background is raised by the next :meth:`save_checkpoint`, or by
    :meth:`teardown`.

    Lightning's AsyncCheckpointIO keeps on the GPU a copy of every checkpoint not yet written, and
    can't be waited for before the run ends.

    Attributes:
        written: done once the last checkpoint is in place; None if there is none to wait for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written: Future[None] | None = None
        self._writer = ThreadPoolExecutor(1, "checkpoints")
        self._writing: dict[Path, Future[None]] = {}

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Copy ``checkpoint`` to the host, and queue the copy to be written to ``path``. This waits
        only for an earlier write to the same path: there are no more copies than files."""
        path = Path(path)
        self._settle([at for at, written in self._writing.items() if at == path or written.done()])
        copy = _on_host(checkpoint)
        if torch.cuda.is_initialized():
            torch.cuda.current_stream().synchronize()  # all copies at once, not one after another
        self.written = self._writer.submit(super().save_checkpoint, copy, path)
        self._writing[path] = self.written

    def teardown(self) -> None:
        """Wait until every checkpoint is in place."""
        self.written = None
        wait(self._writing.values())
        self._settle(list(self._writing))

    def _settle(self, paths: list[Path]) -> None:
        for path in paths:
            self._writing.pop(path).result()


def newest(folder: Path) -> Path | None:
    """The checkpoint of the last finished epoch, if there is one."""
    return next(iter(_newest_first(folder)), None)


def newest_whole(folder: Path) -> Path:
    """The newest checkpoint that is not damaged; a warning names each damaged one.

    Raises:
        CheckpointError: all of them are damaged.
    """
    for path in _newest_first(folder):
        try:
            AtomicCheckpointIO().load_checkpoint(path)
        except CheckpointError as error:
            warnings.warn(f"skipped: {error}", stacklevel=2)
        else:
            return path
    raise CheckpointError(
        f"{folder}: expected a checkpoint to resume from, found only damaged ones"
    )


def _on_host(value: Any) -> Any:
    """A copy of a checkpoint, or of a part of it, that training won't change. It is complete once
    the device has done its work."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", non_blocking=True, copy=True)
    if isinstance(value, dict):
        return {key: _on_host(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_on_host, value))
    return value


def _remove_older(path: Path) -> None:
    """Keep this epoch's checkpoint, the one before it, and all newer ones."""
    found = _newest_first(path.parent)
    # Counted from this one: a run resumed from an earlier epoch finds later ones here.
    for old in found[found.index(path) + _KEPT :] if path in found else []:
        old.unlink()


def _newest_first(folder: Path) -> list[Path]:
    found = [
        (int(match[1]), path)
        for path in folder.glob("epoch-*.ckpt")
        if (match := _NAME.fullmatch(path.name))
    ]
    return [path for _, path in sorted(found, reverse=True)]
