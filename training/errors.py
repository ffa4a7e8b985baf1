"""Errors that a user can act on: shown as one message, without a traceback."""

from __future__ import annotations

import math
from collections.abc import Mapping


class TrainingError(Exception):
    """Something the user has to get, change or repair; the message says what."""


class DataError(TrainingError, ValueError):
    """A data file that is missing, damaged or not of the expected layout; names file and index."""


class WeightsError(TrainingError, RuntimeError):
    """Pretrained weights that can be neither found nor downloaded."""


class LostDetailError(TrainingError):
    """Training pictures packed smaller than what is to be trained sees of them."""


class DownloadError(TrainingError, OSError):
    """A file that cannot be downloaded; what has come of it is kept."""


class CheckpointError(TrainingError):
    """A checkpoint that is missing, damaged or of another network."""


class NonFiniteLossError(TrainingError, FloatingPointError):
    """A loss that is NaN or infinite; names the samples. Raised before the weights are touched."""


def check_ranges(config: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Refuse a configuration whose numbers make no sense.

    Args:
        config: whose attributes are checked.
        ranges: by attribute, the least and the greatest number, both allowed unless infinite.

    Raises:
        ValueError: naming the attribute, what was expected and what was found.
    """
    for name, (least, most) in ranges.items():
        found = getattr(config, name)
        if not (least <= found <= most and math.isfinite(found)):
            raise ValueError(f"{name}: expected {least:g} to {most:g}, found {found:g}")


def message_of(error: Exception) -> str:
    """The message alone, also of an error that a data-loading worker raised.

    A DataLoader raises its workers' errors again with the worker's traceback as their text.
    """
    return str(error).rpartition(f"{type(error).__name__}: ")[2].strip()
