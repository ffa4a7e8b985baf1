"""What the command lines have in common: how they end, and the types of their options."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


INTERRUPTED = 130  # a shell's status for SIGINT
NOBODY_READS = 141  # and for SIGPIPE


def exit_code(
    work: Callable[[], int | None],
    errors: tuple[type[Exception], ...] = (ValueError, RuntimeError, OSError),
    message_of: Callable[[Exception], str] = str,
) -> int:
    """Do the work of a command line. SIGTERM and SIGHUP end it like an exception, so that
    half-written files are removed.

    Args:
        work: returns an exit code of its own, or None for 0.
        errors: those that a user can act on.
        message_of: returns their text.

    Returns:
        The work's code; or, after a line on standard error, 1 for one of the errors or if memory
        ran out, and 130 for Ctrl-C. 141 if nobody reads what is printed.
    """
    _end_by_exceptions()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names that the terminal can't show
    try:
        code = work() or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        with suppress(io.UnsupportedOperation):  # otherwise the interpreter complains on exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt as error:
        print("; ".join(["interrupted", *map(str, error.args)]), file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, errors):
            text = message_of(error)
        elif _is_out_of_memory(error):
            text = f"out of memory: {error}; use smaller images or batches, or fewer workers"
        else:
            raise
        print(f"error: {text}", file=sys.stderr)
        return 1


def _end_by_exceptions() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as under nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _is_out_of_memory(error: Exception) -> bool:
    # Imported here, because it imports PyTorch.
    from moa_depth_ros.machine.device_memory import is_out_of_memory

    return isinstance(error, MemoryError) or is_out_of_memory(error)


def a_path(text: str) -> Path:
    """Path of a file or folder; ``~`` is the user's home, even if no shell has expanded it."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{error}: {text!r}") from error


def at_least(least: int) -> Callable[[str], int]:
    """Parser of whole numbers that are at least ``least``."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, found {text!r}"
            )
        return int(text)

    return number


def above_zero(text: str) -> float:
    """Parser of finite numbers above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return number


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, which takes an existing device."""
    parser.add_argument(
        "--device",
        type=device,
        default="auto",
        help="auto, cpu, cuda, cuda:1, ...; default: %(default)s",
    )


def device(text: str) -> torch.device:
    """Parser of devices that exist."""
    # Imported here, because it imports PyTorch: seconds that other programs need not wait for.
    from moa_depth_ros.estimator import find_device

    try:
        return find_device(text)
    except (ValueError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def picture_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as (width, height)."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, found {text!r}")
    return int(width), int(height)
