"""What the command lines have in common: how they end, and what their options take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from moa_depth_ros.network import ModelFolderError
from training.errors import TrainingError, message_of

INTERRUPTED = 130  # as a shell has it for SIGINT


def exit_code(work: Callable[[], object]) -> int:
    """Do the work of a command line.

    Returns:
        0; or, after a line on standard error, 1 for what a user can act on and 130 for Ctrl-C.
    """
    try:
        work()
    except (TrainingError, ModelFolderError, OSError) as error:
        print(f"error: {message_of(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("; ".join(["interrupted", *map(str, error.args)]), file=sys.stderr)
        return INTERRUPTED
    return 0


def use_device(device: torch.device) -> None:
    """Make it the current one, on which CUDA's loaders lay their page-locked memory down, too."""
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def new_file(*suffixes: str) -> Callable[[str], Path]:
    """An option's type: a file with one of these suffixes that can be written.

    It is tried before the work, which may take hours, begins.
    """

    def file(text: str) -> Path:
        path = Path(text)
        if path.suffix not in suffixes:
            raise argparse.ArgumentTypeError(f"expected a name in {', '.join(suffixes)}: {text!r}")
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
