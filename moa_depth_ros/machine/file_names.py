"""Names of files, which on Linux are bytes and need not be UTF-8."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text with names of files in it, as it can be written anywhere: a byte that is no UTF-8, which
    Python has as half of a surrogate pair, becomes ``\\xe9``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
