"""What an evaluation leaves behind: a table to read, JSON, and a line per picture."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.metrics import METRICS, Averages

_HEADINGS = ("δ1", "δ2", "δ3", "AbsRel", "SqRel", "RMSE", "RMSElog", "log10", "SILog")


@dataclasses.dataclass
class Row:
    """One predictor, judged.

    Attributes:
        model: the model folder, or the name of a predictor without a network.
        depth: ``fused``, ``binned``, ``regressed``, or ``-``.
        plain: averages as predicted.
        median_scaled: averages after scaling each picture to the median of its truth.
        per_picture: for each picture its index in the data set and its metrics, as predicted.
    """

    model: str
    depth: str
    plain: Averages
    median_scaled: Averages
    per_picture: list[tuple[int, Sequence[float]]]


def markdown(rows: Sequence[Row]) -> str:
    """A table with aligned columns; per image and pooled, plain and median-scaled."""
    lines = [["model", "depth", "average", *_HEADINGS]]
    for row in rows:
        for label, values in _averages(row).items():
            lines.append(
                [row.model, row.depth, label, *(f"{values[name]:.3f}" for name in METRICS)]
            )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = [_join(line, widths) for line in lines]
    rule = _join(
        [*("-" * w for w in widths[:3]), *("-" * (w - 1) + ":" for w in widths[3:])], widths
    )
    return "\n".join([padded[0], rule, *padded[1:]])


def write_json(path: Path, protocol: dict[str, Any], rows: Sequence[Row]) -> None:
    """Everything in the table with the protocol it was made by."""
    content = {
        "protocol": protocol,
        "rows": [
            {
                "model": row.model,
                "depth": row.depth,
                "pictures": row.plain.pictures,
                "without_valid_pixel": row.plain.without_valid,
                **_averages(row),
            }
            for row in rows
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Metrics of every picture by every predictor; empty where it has no valid pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "depth", "index", *METRICS])
        for row in rows:
            for index, values in row.per_picture:
                cells = ["" if value != value else f"{value:.6g}" for value in values]
                writer.writerow([row.model, row.depth, index, *cells])


def _averages(row: Row) -> dict[str, dict[str, float]]:
    return {
        "per image": row.plain.per_image,
        "pooled": row.plain.pooled,
        "per image, median-scaled": row.median_scaled.per_image,
        "pooled, median-scaled": row.median_scaled.pooled,
    }


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < 3 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"
