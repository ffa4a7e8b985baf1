"""Errors that the user can fix: shown as one message, without a traceback."""

from __future__ import annotations

import math
from collections.abc import Mapping


class TrainingError(Exception):
    """The user has to get, change or repair something; the message says what."""


class DataError(TrainingError, ValueError):
    """A data file that is missing, damaged or not of the expected layout; names file and index."""


class WeightsError(TrainingError, RuntimeError):
    """Pretrained weights that can be neither found nor downloaded."""


class LostDetailError(TrainingError):
    """Training images that were packed smaller than the input of the network to train."""


class DownloadError(TrainingError, OSError):
    """A file that cannot be downloaded; what has arrived is kept."""


class CheckpointError(TrainingError):
    """A checkpoint that is missing, damaged or of another network."""


class NonFiniteLossError(TrainingError, FloatingPointError):
    """A loss that is NaN or infinite; names the samples. Raised before the weights change."""


def check_ranges(config: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Refuse a configuration with numbers out of range.

    Args:
        config: its attributes are checked.
        ranges: smallest and largest number of each attribute, both allowed unless infinite.

    Raises:
        ValueError: naming the attribute, what was expected and what was found.
    """
    for name, (least, most) in ranges.items():
        found = getattr(config, name)
        if not (least <= found <= most and math.isfinite(found)):
            raise ValueError(f"{name}: expected {least:g} to {most:g}, found {found:g}")


def message_of(error: Exception) -> str:
    """The message alone, even of an error that a data-loading worker raised.

    A DataLoader re-raises its workers' errors with the worker's traceback as their text.
    """
    return str(error).rpartition(f"{type(error).__name__}: ")[2].strip()
