"""The table's three forms."""

from __future__ import annotations

import csv

import pytest

from test.training.tables.settings import made, row_of
from training.tables.rows import TABLES
from training.tables.write import Finished, markdown, plot, write_table


def test_the_tables_three_forms(tmp_path):
    averages = {"d1": 0.5, "d2": 0.7, "d3": 0.9, "abs_rel": 0.3, "log10": 0.1, "rmse": 0.8}

    def result(shift: float) -> dict:
        plain = {name: value + shift for name, value in averages.items()}
        return {
            "figures": {
                depth: {"per image": values, "per image, median-scaled": averages}
                for depth, values in (("fused", plain), ("binned", averages))
            },
            "trainable": 1234567,
            "seconds": 90.0,
            "provenance": [made("abc+"), made("def")],
        }

    finished = [Finished(row_of("3", "n64"), {0: result(0.0), 1: result(0.1)})]
    table = TABLES["3"]
    write_table(table, "on rooms", "9 pictures", finished, tmp_path / "table-3")
    text = (tmp_path / "table-3.md").read_text()
    assert text == markdown(table, "on rooms", "9 pictures", finished)
    assert "Measured **on rooms**" in text
    assert "\n9 pictures. The fused depth is judged where no note says otherwise.\n" in text
    assert "| N = 64 | paper | 0.329 | 0.534 | 0.730 |" in text
    assert (
        "**0.350 ± 0.071** | **0.850 ± 0.071** | **0.550 ± 0.071** | 1,234,567 | 1.5 | 0, 1 |"
        in text
    )
    assert "0, 1 | abc+, def |" in text
    assert "- Made with CPU of abc+; torch 1.\n- Made with CPU of def; torch 1.\n" in text
    assert "±: sample standard deviation over the seeds" in text
    assert "| ours, median-scaled | 0.300 ± 0.000 | 0.800 ± 0.000 | 0.500 ± 0.000 |" in text
    with (tmp_path / "table-3.csv").open() as file:
        lines = list(csv.DictReader(file))
    wanted = [
        line
        for line in lines
        if (line["metric"], line["seed"], line["average"]) == ("rmse", "1", "per image")
    ]
    assert [(line["depth"], line["paper"], float(line["ours"])) for line in wanted] == [
        ("fused", "0.534", pytest.approx(0.9)),
        ("binned", "", 0.8),
    ]
    assert wanted[0]["commit"] == "abc+ def"
    assert (tmp_path / "table-3.png").read_bytes().startswith(b"\x89PNG")
    figure = plot(table, "on rooms", finished)
    (bar,) = figure.axes[0].containers[0].lines[2]
    (((left, _), (right, _)),) = bar.get_segments()
    assert (right - left) / 2 == pytest.approx(0.1 / 2**0.5)  # as the Markdown has it
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "ours; bars: sample standard deviation over the seeds" in legend
