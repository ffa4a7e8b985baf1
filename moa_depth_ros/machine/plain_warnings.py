"""Warnings in the form that a user sees."""

from __future__ import annotations

import sys
import warnings


def warn_in_lines() -> None:
    """From now on, print a warning as one line, without the code that it comes from."""
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
