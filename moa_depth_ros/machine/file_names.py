"""File names, which on Linux are bytes and need not be UTF-8."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text with file names in it, in a form that can be written anywhere: a byte that is not UTF-8,
    which Python represents as half of a surrogate pair, becomes ``\\xe9``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
