"""Many short strings in two arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np


class PackedLines:
    """An immutable list of strings that costs its text and eight bytes each.

    A Python list of strings costs several times that, and each worker process copies it bit by
    bit, because reading a string writes its reference count.

    Args:
        lines: any strings, names of files too.
    """

    def __init__(self, lines: Iterable[str]):
        encoded = [os.fsencode(line) for line in lines]
        self._ends = np.cumsum([len(line) for line in encoded], dtype=np.int64)
        self._text = np.frombuffer(b"".join(encoded), np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index from 0 to {len(self) - 1}, found {index}")
        start = self._ends[index - 1] if index else 0
        return os.fsdecode(self._text[start : self._ends[index]].tobytes())
