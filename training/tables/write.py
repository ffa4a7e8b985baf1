"""A table as Markdown, as CSV and as a plot: the paper's figures beside ours."""

from __future__ import annotations

import csv
import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moa_depth_ros.machine.whole_file import whole_file
from training.judging.output import HEADINGS, HIGHER_IS_BETTER, PLAIN, SCALED
from training.tables.rows import Table, TableRow, Trained

_SPREAD = "sample standard deviation over the seeds"
_LETTERS_A_PANEL = 35  # of the title


@dataclass(frozen=True)
class Finished:
    """A row with the results of its seeds, as :func:`training.tables.run.result_of` gives them.

    A row made once, without a seed, has one result, under None.
    """

    row: TableRow
    results: Mapping[int | None, dict[str, Any]]

    def values(self, metric: str, average: str = PLAIN) -> list[float]:
        """One figure per seed."""
        return [
            result["figures"][self.row.depth][average][metric] for result in self.results.values()
        ]

    def depths(self) -> Iterable[str]:
        """The one that the table shows and, for a trained network, all that were judged: binned,
        regressed and fused depth."""
        if not isinstance(self.row.method, Trained):
            return [self.row.depth]
        return next(iter(self.results.values()))["figures"]

    def provenance(self) -> list[dict[str, Any]]:
        """Of every start of a training run, and of every judging."""
        return [made for result in self.results.values() for made in result["provenance"]]


def write_table(
    table: Table, setting: str, size: str, rows: Sequence[Finished], stem: Path
) -> None:
    """Write ``stem``.md, ``stem``.csv and ``stem``.png; earlier ones are replaced.

    Args:
        table: what was made.
        setting: what it was measured on.
        size: how many images, epochs and so on, for the Markdown.
        rows: those that are finished.
        stem: path of the files without their suffixes.
    """
    with whole_file(stem.with_suffix(".md")) as unfinished:
        unfinished.write_text(markdown(table, setting, size, rows), encoding="utf-8")
    with (
        whole_file(stem.with_suffix(".csv")) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(_records(table, rows))
    with whole_file(stem.with_suffix(".png")) as unfinished:
        plot(table, setting, rows).savefig(unfinished, format="png", dpi=100)


def markdown(table: Table, setting: str, size: str, rows: Sequence[Finished]) -> str:
    """Three lines per row: the paper's figures, ours, ours after median scaling; then the notes."""
    heads = [_heading(metric) for metric in table.metrics]
    lines = [["row", "figures", *heads, "learn", "minutes", "seeds", "commit"]]
    lines.append(["---"] * 2 + ["---:"] * (len(heads) + 2) + ["---", "---"])
    for finished in rows:
        lines += _lines(table, finished)
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    notes = [f"- {f.row.title}: {f.row.note}" for f in rows if f.row.note]
    made = sorted({_made_with(made) for f in rows for made in f.provenance()})
    return "\n".join(
        [
            f"# {table.title}",
            "",
            f"Measured **{setting}**.",
            "",
            f"{size}. The fused depth is judged where no note says otherwise.",
            "",
            body,
            "",
            "Averages over pictures of the test split, Eigen crop; *median-scaled*: "
            "each picture's depth scaled to the median of its truth first, as some public "
            f"evaluators do. ±: {_SPREAD}. *learn*: parameters that learn; *minutes*: of training; "
            "*commit*: of each start of the training and of the judging, + where files were "
            "changed since.",
            "",
            *notes,
            *(f"- Made with {line}." for line in made),
            "",
        ]
    )


def plot(table: Table, setting: str, rows: Sequence[Finished]) -> Figure:
    """A panel per metric, a line per row: ours with the standard deviation over its seeds, the
    paper's beside it."""
    count = len(table.metrics)
    figure = Figure(figsize=(3 + 2.2 * count, 1.9 + 0.42 * len(rows)), layout="constrained")
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    places = range(len(rows))
    for panel, metric in zip(panels, table.metrics, strict=True):
        found = [finished.values(metric) for finished in rows]
        means = [statistics.fmean(values) for values in found]
        spreads = [_spread(values) for values in found]
        label = f"ours; bars: {_SPREAD}" if any(spreads) else "ours"
        panel.errorbar(means, places, xerr=spreads, fmt="o", color="tab:blue", label=label)
        papers = [
            (finished.row.paper[metric], place)
            for place, finished in zip(places, rows, strict=True)
            if metric in finished.row.paper
        ]
        if papers:
            panel.plot(*zip(*papers, strict=True), "D", mfc="none", color="black", label="paper")
        panel.set_title(_heading(metric), fontsize=10)
        panel.grid(alpha=0.3)
    panels[0].set_yticks(list(places), [finished.row.title for finished in rows])
    panels[0].invert_yaxis()
    handles = {label: handle for panel in panels for handle, label in _legend(panel)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    lines = textwrap.fill(setting, _LETTERS_A_PANEL * count)
    figure.suptitle(f"{table.title}\n{lines}", fontsize=10)
    return figure


def _heading(metric: str) -> str:
    return f"{HEADINGS[metric]} {'↑' if metric in HIGHER_IS_BETTER else '↓'}"


def _legend(panel: Axes) -> Iterable[tuple[Any, str]]:
    return zip(*panel.get_legend_handles_labels(), strict=True)


def _lines(table: Table, finished: Finished) -> Iterable[list[str]]:
    row, results = finished.row, list(finished.results.values())
    if row.paper:
        yield [row.title, "paper", *(_cell([row.paper[m]]) for m in table.metrics), *[""] * 4]
    facts = [
        f"{results[0]['trainable']:,}",
        f"{statistics.fmean(result['seconds'] for result in results) / 60:.1f}",
        ", ".join(str(seed) for seed in finished.results if seed is not None),
        ", ".join(sorted({made["commit"] for made in finished.provenance()})),
    ]
    ours = [_cell(finished.values(metric)) for metric in table.metrics]
    yield ["" if row.paper else row.title, "**ours**", *(f"**{cell}**" for cell in ours), *facts]
    scaled = [_cell(finished.values(metric, SCALED)) for metric in table.metrics]
    yield ["", "ours, median-scaled", *scaled, *[""] * 4]


def _cell(values: Sequence[float]) -> str:
    text = f"{statistics.fmean(values):.3f}"
    return text + (f" ± {_spread(values):.3f}" if len(values) > 1 else "")


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _made_with(made: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
    return f"{made['device']}; {versions}"


def _records(table: Table, rows: Sequence[Finished]) -> Iterable[list[object]]:
    yield [
        *("row", "depth", "metric", "paper", "average", "seed", "ours"),
        *("trainable", "seconds", "commit"),
    ]
    for finished in rows:
        for seed, result in finished.results.items():
            commits = " ".join(sorted({made["commit"] for made in result["provenance"]}))
            facts = (result["trainable"], round(result["seconds"], 1), commits)
            for depth, metric, average in product(
                finished.depths(), table.metrics, (PLAIN, SCALED)
            ):
                paper = finished.row.paper.get(metric, "") if depth == finished.row.depth else ""
                value = result["figures"][depth][average][metric]
                yield [finished.row.title, depth, metric, paper, average, seed, value, *facts]
