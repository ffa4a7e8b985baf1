"""A table to read, JSON with everything, and CSV with a line per image."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moa_depth_ros.machine.whole_file import whole_file
from training.judging.calibration import Calibration
from training.judging.judgement import Group, Judgement
from training.metrics import METRICS

HEADINGS = dict(
    zip(
        METRICS,
        ("δ1", "δ2", "δ3", "AbsRel", "SqRel", "RMSE", "RMSElog", "log10", "SILog"),
        strict=True,
    )
)
"""How the metrics are usually written."""

HIGHER_IS_BETTER = ("d1", "d2", "d3")

CSV_HEADER = ("model", "depth", "index", "scene", *METRICS)

PLAIN, SCALED = "per image", "per image, median-scaled"


def averages_of(judgement: Judgement) -> dict[str, dict[str, float]]:
    """All four averages by name."""
    return {
        PLAIN: judgement.plain.per_image,
        "pooled": judgement.plain.pooled,
        SCALED: judgement.median_scaled.per_image,
        "pooled, median-scaled": judgement.median_scaled.pooled,
    }


def markdown(judgements: Sequence[Judgement]) -> str:
    """A table with aligned columns; per image and pooled, plain and median-scaled."""
    lines = [["model", "depth", "average", *HEADINGS.values()]]
    for judgement in judgements:
        for label, values in averages_of(judgement).items():
            figures = (f"{values[name]:.3f}" for name in METRICS)
            lines.append([judgement.model, judgement.depth, label, *figures])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = [_join(line, widths) for line in lines]
    rule = _join(
        [*("-" * w for w in widths[:3]), *("-" * (w - 1) + ":" for w in widths[3:])], widths
    )
    return "\n".join([padded[0], rule, *padded[1:]])


def write_json(
    path: Path,
    protocol: Mapping[str, Any],
    models: Mapping[str, str],
    judgements: Sequence[Judgement],
) -> None:
    """Every figure with the protocol that gave it, and what each model is."""
    rows = [
        {
            "model": judgement.model,
            "depth": judgement.depth,
            "pictures": judgement.plain.pictures,
            "without_valid_pixel": judgement.plain.without_valid,
            **averages_of(judgement),
            "by depth, pooled": _groups(judgement.by_range, "pixels"),
            "by scene type, per image": _groups(judgement.by_scene, "pictures"),
            "calibration": _calibration(judgement.calibration),
        }
        for judgement in judgements
    ]
    content = {"protocol": dict(protocol), "models": dict(models), "rows": rows}
    text = json.dumps(content, indent=2, allow_nan=False)
    with whole_file(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, judgements: Sequence[Judgement]) -> None:
    """Metrics of every image by every predictor; empty where it has no valid pixel."""
    with (
        whole_file(path) as unfinished,
        # Names may be those of folders, which need not be UTF-8.
        unfinished.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(CSV_HEADER)
        for judgement in judgements:
            pictures = zip(
                judgement.indices, judgement.scenes, judgement.per_picture.tolist(), strict=True
            )
            for index, scene, values in pictures:
                cells = ["" if value != value else f"{value:.6g}" for value in values]
                writer.writerow([judgement.model, judgement.depth, index, scene, *cells])


def is_own_csv(path: Path) -> bool:
    """Whether a file begins as :func:`write_csv` writes it."""
    header = ",".join(CSV_HEADER).encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _groups(groups: Mapping[str, Group], counted: str) -> dict[str, dict[str, float]]:
    return {name: {counted: group.size, **group.metrics} for name, group in groups.items()}


def _calibration(calibration: Calibration | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    values = dataclasses.asdict(calibration)
    return {
        key: value.tolist() if hasattr(value, "tolist") else value for key, value in values.items()
    }


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < 3 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"
