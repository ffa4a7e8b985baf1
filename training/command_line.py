"""What the command lines share: how they end, and types of options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import torch

from moa_depth_ros import command_line
from moa_depth_ros.network import ModelFolderError
from training.data.workers import shortages_explained
from training.errors import TrainingError, message_of


def exit_code(work: Callable[[], None]) -> int:
    """As :func:`moa_depth_ros.command_line.exit_code`; any other error is a bug, and shows its
    traceback."""
    errors = (TrainingError, ModelFolderError, OSError)
    return command_line.exit_code(shortages_explained()(work), errors, message_of)


def use_device(device: torch.device) -> None:
    """Make it the current device, which the loaders' page-locked memory is then for, too. Let
    convolutions be as exact there as everything else: the node has no convolutions."""
    torch.backends.cudnn.allow_tf32 = False
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def new_file(*suffixes: str) -> Callable[[str], Path]:
    """An option's type: a file with one of these suffixes that can be written.

    This is tested before the work begins, which may take hours.
    """

    def file(text: str) -> Path:
        path = command_line.a_path(text)
        if path.is_symlink():
            path = Path(os.path.realpath(path))  # or the file would replace the link
        if path.suffix not in suffixes:
            raise argparse.ArgumentTypeError(
                f"expected a name that ends in {', '.join(suffixes)}: {text!r}"
            )
        new = not path.exists()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"can't be written: {error}") from error
        if new:
            path.unlink()
        return path

    return file
