"""Parts of the tables, for tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from training.data.layouts import open_splits
from training.tables.rows import TABLES, TableRow
from training.tables.setting import Setting


def on(data: Path, setting: Setting) -> Setting:
    """The setting with other data, or with the same data reopened."""
    return dataclasses.replace(setting, data=data, splits=open_splits(data))


def row_of(table: str, key: str) -> TableRow:
    return next(row for row in TABLES[table].rows if row.key == key)


def made(commit: str) -> dict:
    return {"commit": commit, "device": f"CPU of {commit}", "versions": {"torch": "1"}}
