"""Command line of the tables: ``python -m training.tables 1``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moa_depth_ros.command_line import at_least
from training.command_line import exit_code
from training.tables.rows import TABLES, Table, TableRow
from training.tables.run import finished_result, result_of
from training.tables.setting import Setting, find_setting
from training.tables.write import Finished, write_table

_EPILOG = (
    "Without NYU Depth V2 in data/nyu, rendered rooms stand in; without CLIP's weights, a tiny "
    "random tower. The table's title then says so. A table that was interrupted goes on where it "
    "stopped when the command is given again; a finished row is not run again, and rows that two "
    "tables share are run once."
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
    # As an exception, which ends the trainer, too: one left behind would write beside the next.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if code := exit_code(lambda: make(table, find_setting(options.data), options, stem)):
        return code
    print(stem.with_suffix(".md").read_text(encoding="utf-8"))
    print(f"wrote {stem}.md, {stem}.csv and {stem}.png")
    return 0


def make(table: Table, setting: Setting, options: argparse.Namespace, stem: Path) -> None:
    """Run the rows that were asked for, and write the table anew after each one.

    Rows that an earlier run of the same recipe finished stay in it.
    """
    chosen = [row for row in table.rows if not options.rows or row.key in options.rows]
    earlier = {row.key: _made_earlier(row, setting, options) for row in table.rows}
    made = {key: results for key, results in earlier.items() if results}
    for number, row in enumerate(chosen, start=1):
        results = {}
        for seed in options.seeds:
            print(f"[{number}/{len(chosen)}] {row.title}, seed {seed}", flush=True)
            results[seed] = result_of(row, seed, setting, options.output, options.max_epochs)
        made[row.key] = results
        finished = [Finished(row, made[row.key]) for row in table.rows if row.key in made]
        write_table(table, setting.title, finished, stem)


def _made_earlier(
    row: TableRow, setting: Setting, options: argparse.Namespace
) -> dict[int, dict[str, Any]]:
    """By seed."""
    found = {
        seed: finished_result(row, seed, setting, options.output, options.max_epochs)
        for seed in options.seeds
    }
    return {seed: result for seed, result in found.items() if result is not None}


def _parser() -> argparse.ArgumentParser:
    keys = "; ".join(
        f"{name}: {', '.join(row.key for row in table.rows)}" for name, table in TABLES.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m training.tables",
        description="Train and judge every row of a table of the paper, and write the paper's "
        "figures beside ours.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "table", choices=TABLES, help="of the paper; parts: each part of the network left out"
    )
    parser.add_argument("--rows", nargs="+", default=[], metavar="ROW", help=f"only these ({keys})")
    parser.add_argument(
        "--seeds", nargs="+", type=at_least(0), default=[0], metavar="N", help="default: 0"
    )
    parser.add_argument("--data", type=Path, help="data set; default: data/nyu, if it is there")
    parser.add_argument(
        "--max_epochs", type=at_least(1), metavar="N", help="default: as configured"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("runs/tables"), help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
