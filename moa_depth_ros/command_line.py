"""What the command lines have in common: how they end, and what their options take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


INTERRUPTED = 130  # as a shell has it for SIGINT


def exit_code(
    work: Callable[[], int | None],
    errors: tuple[type[Exception], ...] = (ValueError, RuntimeError, OSError),
    message_of: Callable[[Exception], str] = str,
) -> int:
    """Do the work of a command line.

    Args:
        work: gives an exit code of its own, or None for 0.
        errors: what a user can act on.
        message_of: their texts.

    Returns:
        The work's; or, after a line on standard error, 1 for one of the errors and 130 for Ctrl-C.
    """
    try:
        return work() or 0
    except errors as error:
        print(f"error: {message_of(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("; ".join(["interrupted", *map(str, error.args)]), file=sys.stderr)
        return INTERRUPTED


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
