"""The HTML report: everything in one file, nothing from the internet."""

from __future__ import annotations

import base64
import csv
import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock
from xml.etree import ElementTree

import cv2
import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset

from moa_depth_ros.pictures.files import write_depth_png
from test.training.judging.small_file import SIZE, TEST_INDICES
from training import evaluate, prepare
from training.data.layouts import open_splits
from training.data.nyu_labelled import MAT_NAME, RENDERED
from training.judging import baselines, plots
from training.judging.gallery import exhibits
from training.judging.html import write_html
from training.judging.judge import judge
from training.judging.judgement import RANGE_NAMES, Judgement
from training.judging.output import write_csv
from training.judging.predictors import Predicted, open_predictor
from training.metrics import METRICS

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags that are opened and closed, images, addresses and text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[str] = []
        self.addresses: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                (self.pictures if tag == "img" else self.addresses).append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "h3"):
            self.cells.append(data.strip())


@pytest.fixture(scope="module")
def written(model, nyu_file, tmp_path_factory) -> Path:
    """A report on a model, a copy of it, and predictions whose name is full of markup."""
    folder = tmp_path_factory.mktemp("report")
    shutil.copytree(model, folder / "other")
    for index in TEST_INDICES:
        write_depth_png(folder / "<b>&" / f"{index:05d}.png", np.full(SIZE, 2.0))
    command = [model, folder / "other", folder / "<b>&", "--data", nyu_file, "--device", "cpu"]
    command += ["--workers", "0", "--json", folder / "r.json", "--html", folder / "new" / "r.html"]
    assert evaluate.main([str(part) for part in command]) == 0
    return folder


@pytest.fixture(scope="module")
def page(written) -> Page:
    return Page((written / "new" / "r.html").read_text(encoding="utf-8"))


def test_every_tag_is_closed_and_nothing_comes_from_elsewhere(page):
    assert page.open == []
    assert page.addresses == []
    assert all(address.startswith("data:image/") for address in page.pictures)


def test_every_picture_can_be_drawn(page):
    kinds = []
    for address in page.pictures:
        kind, _, content = address.removeprefix("data:image/").partition(";base64,")
        kinds.append(kind)
        content = base64.b64decode(content)
        if kind == "svg+xml":
            assert ElementTree.fromstring(content).tag.endswith("svg")
        else:
            assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
    # Plots of images, ranges, scenes and calibration, then a gallery for each of three models.
    assert kinds == ["svg+xml"] * 4 + ["jpeg"] * 3


def test_every_row_of_the_json_is_in_the_table(written, page):
    content = json.loads((written / "r.json").read_text())
    rows = {(row["model"], row["depth"]): row["per image"] for row in content["rows"]}
    assert len(rows) == 3 + 3 + 1 + 2
    cells = iter(page.cells)
    for (model, depth), values in rows.items():
        figures = [f"{value:.3f}" for value in values.values()]
        assert [next(cells) for _ in range(2 + len(figures))] == [model, depth, *figures]


def test_the_best_of_a_column_is_bold(written):
    text = (written / "new" / "r.html").read_text(encoding="utf-8")
    headline = text.partition("<table>")[2].partition("</table>")[0]
    rows = [
        re.findall(r"<td( class=.best.)?>([0-9.]+)</td>", row) for row in headline.split("<tr>")
    ]
    for metric, column in zip(METRICS, zip(*rows[2:], strict=True), strict=True):
        values = [float(value) for _, value in column]
        best = max(values) if metric in ("d1", "d2", "d3") else min(values)
        assert [bool(bold) for bold, _ in column] == [value == best for value in values], metric


def test_one_scene_type_is_no_breakdown(written, tmp_path):
    assert "By scene type" in (written / "new" / "r.html").read_text(encoding="utf-8")
    sums = torch.ones((3, len(RANGE_NAMES), 10), dtype=torch.float64)
    for scenes, shown in ((["official"] * 3, False), (["office", "office", "cafe"], True)):
        judgement = Judgement("-", "-", range(3), scenes, sums, sums.sum(dim=1), None)
        write_html(tmp_path / "r.html", {"data": "nyu"}, [judgement], {}, [], torch.device("cpu"))
        page = (tmp_path / "r.html").read_text(encoding="utf-8")
        assert ("By scene type" in page) == shown
        assert Page(page).open == []


def test_names_that_are_not_utf_8_lose_nothing(written, nyu_file, tmp_path, capsys):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(written / "<b>&", folder / "mine")
    shutil.copytree(nyu_file, folder / "nyu")
    command = [folder / "mine", "--data", folder / "nyu", "--device", "cpu", "--workers", "0"]
    command += ["--json", tmp_path / "r.json", "--html", tmp_path / "r.html"]
    assert evaluate.main([str(part) for part in command]) == 0
    name = str(tmp_path / "caf\\xe9" / "mine")
    assert name in capsys.readouterr().out
    for file in ("r.csv", "r.html"):
        assert name in (tmp_path / file).read_text(encoding="utf-8")
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["model"] == name


def test_a_csv_takes_any_name(tmp_path):
    sums = torch.ones((1, len(RANGE_NAMES), 10), dtype=torch.float64)
    name = os.fsdecode(b"caf\xe9")
    write_csv(tmp_path / "r.csv", [Judgement(name, "-", [0], [name], sums, sums[:, 0], None)])
    with (tmp_path / "r.csv").open(encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["model"], line["scene"]) == ("caf\\udce9",) * 2


def test_what_was_judged_outlives_a_full_disk(model, nyu_file, tmp_path, monkeypatch, capsys):
    """Whether it is the report's, or that of the table, which may be written to a file."""
    full = OSError(errno.ENOSPC, "No space left on device")
    files = [tmp_path / name for name in ("r.json", "r.csv", "r.html")]
    command = [str(model), "--data", str(nyu_file), "--device", "cpu", "--workers", "0"]
    command += ["--json", str(files[0]), "--html", str(files[2])]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Mock(write=Mock(side_effect=full)))
        assert evaluate.main(command) == 1
    assert all(path.stat().st_size for path in files)
    monkeypatch.setattr(evaluate, "write_html", Mock(side_effect=full))
    assert evaluate.main(command) == 1
    assert "mean depth per pixel" in capsys.readouterr().out


def test_the_protocol_says_how_it_was_judged(written):
    protocol = json.loads((written / "r.json").read_text())["protocol"]
    text = (written / "new" / "r.html").read_text(encoding="utf-8")
    assert protocol["crop"] == "eigen"
    assert {"commit", "torch", "python"} <= set(protocol)
    assert protocol["device"].startswith("CPU, ")
    assert f"torch {protocol['torch']}" in text
    assert "3 pictures" in text


@pytest.fixture
def packed(nyu_file, tmp_path) -> Path:
    """Filled depth of rendered rooms in a packed file."""
    data = shutil.copytree(nyu_file, tmp_path / "rooms")
    with h5py.File(data / MAT_NAME, "r+") as file:
        file.attrs[RENDERED] = True
    path = tmp_path / "packed.h5"
    assert prepare.main(["--convert", str(data), "--depth", "filled", "--out", str(path)]) == 0
    return path


def test_what_the_data_are_is_said_everywhere(model, packed, nyu_file, tmp_path, capsys):
    def said(data: Path, *options: str) -> tuple[str, str, str]:
        files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
        command = [str(model), "--data", str(data), "--device", "cpu", "--workers", "0"]
        assert evaluate.main([*command, *files, *options]) == 0
        printed = capsys.readouterr().out.splitlines()[0]
        protocol = json.loads((tmp_path / "r.json").read_text())["protocol"]
        page = " ".join((tmp_path / "r.html").read_text(encoding="utf-8").split())
        assert f"· depth {protocol['depth']} ·" in page
        assert ("rendered rooms" in page) == (protocol["origin"] is not None)
        return printed, protocol["depth"], protocol["origin"]

    printed, *found = said(packed)
    assert printed.startswith(f"test split of {packed}, rendered rooms, filled depth, crop eigen:")
    assert found == ["filled", "rendered rooms"]
    for options, depth in (([], "raw"), (["--depth", "filled"], "filled")):
        printed, *found = said(nyu_file, *options)
        assert printed.startswith(f"test split of {nyu_file}, {depth} depth, crop eigen:")
        assert found == [depth, None]


def test_baselines_of_a_part_of_the_training_split_say_so(
    model, nyu_file, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(baselines, "MOST_MAPS", 1)
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    command = [str(model), "--data", str(nyu_file), "--device", "cpu", "--workers", "0", *files]
    assert evaluate.main(command) == 0
    assert "; mean depth of 1 of 2 training maps\n" in capsys.readouterr().out
    protocol = json.loads((tmp_path / "r.json").read_text())["protocol"]
    assert protocol["mean depth"] == "1 of 2 training maps"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "mean depth 1 of 2 training maps" in page


def test_depth_that_the_file_has_not_is_refused(model, packed, capsys):
    command = [str(model), "--data", str(packed), "--device", "cpu", "--depth", "raw"]
    assert evaluate.main(command) == 1
    assert f"{packed}: expected raw depth, found filled" in capsys.readouterr().err


def _legend_of(address: str) -> tuple[float, list[tuple[str, float]]]:
    """Width of an SVG, and each line of its legend with where the last letter begins."""
    svg = base64.b64decode(address.partition(";base64,")[2]).decode()
    width = float(re.search(r'<svg [^>]*?width="([0-9.]+)pt"', svg)[1])
    # A comment with the text, then its letters: where they begin, and where each is from there.
    parts = re.split(r"<!-- (.*?) -->", svg[svg.index('id="legend_1"') :])[1:]
    lines = []
    for text, letters in zip(parts[::2], parts[1::2], strict=True):
        left, scale = re.search(
            r"translate\(([0-9.]+) [0-9.]+\) scale\(([0-9.]+) ", letters
        ).groups()
        last = re.findall(r"<use [^>]*translate\(([0-9.]+) 0\)", letters)[-1]
        lines.append((text, float(left) + float(scale) * float(last)))
    return width, lines


@pytest.mark.parametrize(
    "names",
    [
        ["demo", "mean depth", "mean depth per pixel"],
        ["/home/someone/" + "experiments/" * 4 + name for name in ("a", "b", "c")],
        ["W" * 200, "mean depth"],
    ],
)
def test_no_legend_is_cut_off(names):
    sums = torch.ones((3, len(RANGE_NAMES), 10), dtype=torch.float64)
    judgements = [
        Judgement(name, "-", range(3), ["office"] * 3, sums, sums.sum(dim=1), None)
        for name in names
    ]
    for plot in (plots.plot_pictures, plots.plot_ranges, plots.plot_scenes):
        width, found = _legend_of(plot(judgements))
        assert [text for text, _ in found] == names
        assert max(end for _, end in found) < width - 10  # a letter is no wider


def test_json_and_csv_have_the_breakdowns(written, model):
    rows = json.loads((written / "r.json").read_text())["rows"]
    first = rows[0]
    assert set(first["by scene type, per image"]) == {"kitchen", "cafe"}
    assert first["by scene type, per image"]["kitchen"]["pictures"] == 2
    pixels = [group["pixels"] for group in first["by depth, pooled"].values()]
    with (written / "r.csv").open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["model"] == str(model)]
    assert [line["index"] for line in lines[:3]] == [str(index) for index in TEST_INDICES]
    assert [line["scene"] for line in lines[:3]] == ["kitchen", "kitchen", "cafe"]
    assert sum(pixels) <= 3 * SIZE[0] * SIZE[1]
    assert set(first["calibration"]) >= {"spearman", "ause", "ence", "rmse", "oracle"}


def test_every_model_shows_the_pictures_of_the_first_one(model, nyu_file):
    """Beside its own, so that two models can be compared where one of them fails."""
    device, splits = torch.device("cpu"), open_splits(nyu_file)
    pictures = ConcatDataset([splits["train"], splits["test"]])
    first = open_predictor(model, device, splits["test"].camera)
    (a, *_) = judge({"a": first}, pictures)
    indices = [a.indices[place] for place in a.ranked()]

    def second(inputs: torch.Tensor, numbers: Sequence[int], size: tuple[int, int]) -> Predicted:
        """The same except for the first one's best image, which is its worst."""
        found = first(inputs, numbers, size).depths
        factors = torch.tensor([10.0 if number == indices[0] else 1.0 for number in numbers])
        return Predicted({name: depth * factors.view(-1, 1, 1) for name, depth in found.items()})

    (b, *_) = judge({"b": second}, pictures)
    shown_of_a = exhibits(first, a, pictures, device, a)
    for shown in shown_of_a:  # the corner of the file's images has no reading
        assert (np.isnan(shown.truth).sum(), np.isnan(shown.truth[:5, :5]).all()) == (25, True)
    of_a = {shown.rank: shown.index for shown in shown_of_a}
    of_b = {shown.rank: shown.index for shown in exhibits(second, b, pictures, device, a)}
    best, good, median, bad, worst = indices
    assert of_a == {"best": best, "median": median, "worst": worst}
    assert of_b == {
        **{"best": good, "median": bad, "worst": best},
        **{"median of a": median, "worst of a": worst},
    }


def test_what_a_model_is_stands_in_the_report(written, model):
    text = (written / "new" / "r.html").read_text(encoding="utf-8")
    described = json.loads((written / "r.json").read_text())["models"]
    height, width = SIZE
    expected = f"tiny-clip with an input of {height}x{width}; 4 experts after blocks 2, 5, 8, 11; "
    assert described[str(model)].startswith(expected + "128 uniform bins from 0.001 to 10 m; 0.")
    assert described[str(written / "<b>&")] == "depth PNGs of another program"
    for description in described.values():
        assert description in text
