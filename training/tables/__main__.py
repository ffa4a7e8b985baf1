"""Command line of the tables: ``python -m training.tables 1``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from moa_depth_ros.command_line import a_path, at_least
from training.command_line import exit_code
from training.errors import LostDetailError, TrainingError, WeightsError
from training.tables.rows import TABLES, NoNetwork, Table, TableRow, Trained
from training.tables.run import finished_results, result_of
from training.tables.setting import Setting, find_setting
from training.tables.write import Finished, write_table

_EPILOG = (
    "Without NYU Depth V2 in data/nyu, rendered rooms are used instead; without CLIP's weights, a "
    "tiny random tower. The table's title then says so. If only a row's own weights are missing, "
    "it is left out, and named at the end. To resume an interrupted table, give the command again: "
    "finished rows are not run again, rows that two tables share are run once, and results of "
    "other seeds of the same recipe stay in the table."
)


def main(args: Sequence[str] | None = None) -> int:
    """Make the table; the exit code is 0, or 1 after a message on standard error."""
    parser = _parser()
    options = parser.parse_args(args)
    table = TABLES[options.table]
    unknown = set(options.rows) - {row.key for row in table.rows}
    if unknown:
        known = ", ".join(row.key for row in table.rows)
        parser.error(f"--rows: expected some of {known}; found {', '.join(sorted(unknown))}")
    stem = options.output / f"table-{options.table}"
    return exit_code(lambda: run(table, options, stem))


def run(table: Table, options: argparse.Namespace, stem: Path) -> None:
    """Make the table, and print it.

    Raises:
        TrainingError: the data can't be used, or a training run failed; at the end, naming the
            rows that were not made.
    """
    missing = make(table, find_setting(options.data, options.pretrained), options, stem)
    print(stem.with_suffix(".md").read_text(encoding="utf-8"))
    print(f"wrote {stem}.md, {stem}.csv and {stem}.png")
    if missing:
        rows = "".join(f"\n  {title}: {reason}" for title, reason in missing.items())
        raise TrainingError(f"rows that were not made:{rows}")


def make(table: Table, setting: Setting, options: argparse.Namespace, stem: Path) -> dict[str, str]:
    """Run the requested rows, and rewrite the table after each one.

    Rows and seeds that earlier runs of the same recipe finished stay in it.

    Returns:
        Why rows were not made, by their titles: weights or detail are missing.

    Raises:
        TrainingError: some rows were made with another recipe, or one failed.
    """
    limits = options.output, options.max_epochs
    chosen = [row for row in table.rows if _is_chosen(row, options.rows)]
    missing: dict[str, str] = {}
    # For all rows before the first is written: a table of another recipe is not replaced.
    made = {row.key: finished_results(row, setting, *limits) for row in table.rows}
    for number, row in enumerate(chosen, start=1):
        for seed in options.seeds if isinstance(row.method, Trained) else [None]:
            which = row.title if seed is None else f"{row.title}, seed {seed}"
            print(f"[{number}/{len(chosen)}] {which}", flush=True)
            try:
                result_of(row, seed, setting, *limits)
            except (WeightsError, LostDetailError) as error:
                missing[row.title] = str(error)
        made[row.key] = finished_results(row, setting, *limits)
        finished = [Finished(row, made[row.key]) for row in table.rows if made[row.key]]
        write_table(table, setting.title, setting.size(options.max_epochs), finished, stem)
    return missing


def _is_chosen(row: TableRow, names: Sequence[str]) -> bool:
    """By its name; those without a network are always included, and take no time."""
    return not names or row.key in names or isinstance(row.method, NoNetwork)


def _parser() -> argparse.ArgumentParser:
    keys = "; ".join(
        f"{name}: {', '.join(row.key for row in table.rows)}" for name, table in TABLES.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m training.tables",
        description="Train and evaluate every row of one of the paper's tables, and write the "
        "paper's figures beside ours.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "table",
        choices=TABLES,
        help="which table of the paper; parts: each part of the network left out in turn",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        default=[],
        metavar="ROW",
        help=f"only these rows, and those without a network ({keys})",
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=at_least(0),
        default=[0],
        metavar="N",
        help="seeds to train with; default: 0",
    )
    parser.add_argument("--data", type=a_path, help="data set; default: data/nyu, if it is there")
    parser.add_argument(
        "--pretrained",
        type=a_path,
        metavar="FILE",
        help="CLIP's weights for ViT-B/32; default: OpenAI's, as open_clip finds or downloads them",
    )
    parser.add_argument(
        "--max_epochs",
        type=at_least(1),
        metavar="N",
        help="epochs of each training run; default: as configured",
    )
    parser.add_argument(
        "--output",
        type=a_path,
        default=Path("runs/tables"),
        help="folder to write; default: %(default)s",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
