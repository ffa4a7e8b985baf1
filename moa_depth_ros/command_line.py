"""What the command lines have in common: how they end, and what their options take."""

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


INTERRUPTED = 130  # as a shell has it for SIGINT
NOBODY_READS = 141  # and for SIGPIPE


def exit_code(
    work: Callable[[], int | None],
    errors: tuple[type[Exception], ...] = (ValueError, RuntimeError, OSError),
    message_of: Callable[[Exception], str] = str,
) -> int:
    """Do the work of a command line. SIGTERM and SIGHUP end it as an exception would, so that what
    is half written is removed.

    Args:
        work: gives an exit code of its own, or None for 0.
        errors: what a user can act on.
        message_of: their texts.

    Returns:
        The work's; or, after a line on standard error, 1 for one of the errors or where memory ran
        out, and 130 for Ctrl-C. 141 where nobody reads what is printed.
    """
    _end_by_exceptions()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have what a terminal hasn't
    try:
        code = work() or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        with suppress(io.UnsupportedOperation):  # else the interpreter would complain at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt as error:
        print("; ".join(["interrupted", *map(str, error.args)]), file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, errors):
            text = message_of(error)
        elif _is_out_of_memory(error):
            text = f"out of memory: {error}; take smaller pictures or batches, or fewer workers"
        else:
            raise
        print(f"error: {text}", file=sys.stderr)
        return 1


def _end_by_exceptions() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as nohup has it
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _is_out_of_memory(error: Exception) -> bool:
    # Here, because it takes PyTorch.
    from moa_depth_ros.machine.device_memory import is_out_of_memory

    return isinstance(error, MemoryError) or is_out_of_memory(error)


def a_path(text: str) -> Path:
    """Of a file or a folder; ``~`` is the home of the user, also where no shell says so."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{error}: {text!r}") from error


def at_least(least: int) -> Callable[[str], int]:
    """Whole numbers from ``least`` on."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} on: {text!r}")
        return int(text)

    return number


def above_zero(text: str) -> float:
    """Finite numbers above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0: {text!r}")
    return number


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """``--device``, as a device that is there."""
    parser.add_argument(
        "--device",
        type=device,
        default="auto",
        help="auto, cpu, cuda, cuda:1, ...; default: %(default)s",
    )


def device(text: str) -> torch.device:
    """A device that is there."""
    # Here, because it takes PyTorch, seconds that programs without a device need not wait for.
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
