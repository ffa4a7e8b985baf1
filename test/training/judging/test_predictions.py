"""Depth that another program wrote is judged by the same protocol."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import load_network, save_network
from moa_depth_ros.pictures.files import read_picture, write_depth_png, write_picture
from test.training.judging.small_file import SIZE, TEST_INDICES
from test.training.layouts import FOCAL, write_folder
from training import evaluate, export
from training.data.nyu_folder import TEST_LIST
from training.judging.predictors import NetworkPredictor, open_predictor

NAMES = [f"{index:05d}.png" for index in TEST_INDICES]


@pytest.fixture
def exported(nyu_file, tmp_path) -> Path:
    folder = tmp_path / "colour"
    assert export.main(["--data", str(nyu_file), "--out", str(folder)]) == 0
    return folder


def judged(nyu_file: Path, report: Path, *models: Path) -> dict[tuple[str, str], dict]:
    command = [*models, "--data", nyu_file, "--device", "cpu", "--json", report, "--workers", "0"]
    assert evaluate.main([str(part) for part in command]) == 0
    rows = json.loads(report.read_text())["rows"]
    return {(row["model"], row["depth"]): row for row in rows}


def test_a_split_is_exported_under_the_names_that_predictions_have(exported, nyu_file):
    assert sorted(path.name for path in exported.iterdir()) == NAMES
    with h5py.File(nyu_file / "nyu_depth_v2_labeled.mat") as file:
        expected = file["images"][TEST_INDICES[1]].transpose(2, 1, 0)
    assert np.array_equal(read_picture(exported / NAMES[1]), expected)


def test_a_network_through_png_gets_the_figures_of_its_model_folder(
    exported, model, nyu_file, tmp_path
):
    """Images are exported, their depth is predicted as any program would, and judged."""
    predict, predictions = NetworkPredictor(load_network(model)[0]), tmp_path / "predictions"
    for path in exported.iterdir():
        picture = torch.from_numpy(read_picture(path)).permute(2, 0, 1).unsqueeze(0)
        with torch.inference_mode():
            depth = predict(picture, [0], SIZE).depths["fused"][0]
        write_depth_png(predictions / path.name, depth.numpy())
    rows = judged(nyu_file, tmp_path / "report.json", model, predictions)
    there, here = rows[str(predictions), "-"], rows[str(model), "fused"]
    for average in ("per image", "pooled, median-scaled"):
        for metric, value in here[average].items():
            # Millimetres of depths around 2.5 m
            assert there[average][metric] == pytest.approx(value, rel=2e-3), metric
    assert there["calibration"] is None
    assert here["calibration"] is not None


def test_predictions_are_not_replaced_by_pictures(exported, nyu_file, capsys):
    (exported / NAMES[1]).write_bytes(b"depth")
    assert export.main(["--data", str(nyu_file), "--out", str(exported)]) == 1
    assert (
        "--out: expected a folder without PNGs, because predictions have the same names; "
        f"found {exported / NAMES[0]}. Name another folder, or move its PNGs away"
    ) in capsys.readouterr().err
    assert (exported / NAMES[1]).read_bytes() == b"depth"


def test_the_truth_has_no_error(exported, nyu_file, tmp_path):
    with h5py.File(nyu_file / "nyu_depth_v2_labeled.mat") as file:
        for index, name in zip(TEST_INDICES, NAMES, strict=True):
            write_depth_png(tmp_path / "truth" / name, file["rawDepths"][index].T)
    row = judged(nyu_file, tmp_path / "report.json", tmp_path / "truth")[
        str(tmp_path / "truth"), "-"
    ]
    assert row["per image"]["d1"] == 1
    assert row["per image"]["rmse"] < 0.5e-3  # half a millimetre


@pytest.fixture
def predictions(tmp_path) -> Path:
    for name in NAMES:
        write_depth_png(tmp_path / "predictions" / name, np.full(SIZE, 2.0))
    return tmp_path / "predictions"


@pytest.mark.parametrize(("factor", "warned"), [(0.2, True), (5.0, True), (1.2, False)])
def test_another_unit_is_warned_of(nyu_file, tmp_path, capsys, factor, warned):
    """The true depth, except for a factor."""
    folder = tmp_path / "predictions"
    with h5py.File(nyu_file / "nyu_depth_v2_labeled.mat") as file:
        for index, name in zip(TEST_INDICES, NAMES, strict=True):
            write_depth_png(folder / name, factor * file["rawDepths"][index].T)
    judged(nyu_file, tmp_path / "report.json", folder)
    assert ("in a unit other than millimetres" in capsys.readouterr().err) == warned


def test_who_predicts_nothing_gets_no_pixel_left_out(predictions, nyu_file, tmp_path):
    for name in NAMES:
        write_depth_png(predictions / name, np.zeros(SIZE))
    row = judged(nyu_file, tmp_path / "report.json", predictions)[str(predictions), "-"]
    assert row["per image"]["d1"] == 0
    assert row["per image"]["abs_rel"] == pytest.approx(1, abs=0.01)


def test_depth_follows_the_pictures_camera_as_the_nodes_does(nyu_file, model, tmp_path):
    """A model of a lens half as long sees what the images show at half its distance."""
    network, camera = load_network(model)
    shorter = dataclasses.replace(camera, fx=camera.fx / 2, fy=camera.fy / 2)
    save_network(network, tmp_path / "shorter", shorter)
    picture = torch.randint(0, 256, (1, 3, *SIZE), dtype=torch.uint8)
    of_model, of_shorter = (
        open_predictor(folder, torch.device("cpu"), camera)(picture, [0], SIZE)
        for folder in (model, tmp_path / "shorter")
    )
    for name, depth in of_model.depths.items():
        torch.testing.assert_close(of_shorter.depths[name], 2 * depth)
    torch.testing.assert_close(of_shorter.uncertainty, 2 * of_model.uncertainty)
    rows = judged(nyu_file, tmp_path / "report.json", model, tmp_path / "shorter")
    medians = [rows[str(f), "fused"]["per image"] for f in (model, tmp_path / "shorter")]
    assert medians[0] != medians[1]


def test_flip_averages_with_the_mirrored_picture(nyu_file, model, tmp_path):
    pictures = torch.randint(0, 256, (1, 3, *SIZE), dtype=torch.uint8)
    predict = open_predictor(model, torch.device("cpu"), NYU_KINECT, flip=True)
    here, there = (predict(p, [0], SIZE).depths["fused"] for p in (pictures, pictures.flip(-1)))
    torch.testing.assert_close(there.flip(-1), here)
    once, twice = (
        judged(nyu_file, tmp_path / "report.json", model, *flip)[str(model), "fused"]["per image"]
        for flip in ((), ("--flip",))
    )
    assert once != twice


def refused(nyu_file: Path, predictions: Path, capsys) -> str:
    assert evaluate.main([str(predictions), "--data", str(nyu_file), "--device", "cpu"]) == 1
    return capsys.readouterr().err


def test_a_missing_file_is_named(predictions, nyu_file, capsys):
    (predictions / NAMES[2]).unlink()
    error = refused(nyu_file, predictions, capsys)
    assert f"error: {predictions / NAMES[2]}: no such file" in error
    assert "python -m training.export" in error


def test_a_file_of_another_size_is_named(predictions, nyu_file, capsys):
    write_depth_png(predictions / NAMES[1], np.full((24, 32), 2.0))
    error = refused(nyu_file, predictions, capsys)
    assert f"{predictions / NAMES[1]}: expected 64x48 pixels" in error
    assert "found 32x24" in error


def test_a_file_of_another_type_is_named(predictions, nyu_file, capsys):
    write_picture(predictions / NAMES[0], np.zeros((*SIZE, 3), np.uint8))
    error = refused(nyu_file, predictions, capsys)
    assert f"{predictions / NAMES[0]}: expected a 16-bit depth PNG in millimetres" in error


def test_a_folder_with_neither_predictions_nor_a_model(nyu_file, tmp_path, capsys):
    error = refused(nyu_file, tmp_path / "empty", capsys)
    assert "no such model folder" in error
    (tmp_path / "empty").mkdir()
    error = refused(nyu_file, tmp_path / "empty", capsys)
    assert "empty: expected a model folder (config.json) or predictions (PNGs)" in error


def test_an_export_that_cannot_be_written_is_one_message(nyu_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "colour"
    assert export.main(["--data", str(nyu_file), "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("error:") == 1


def test_only_the_first_pictures(nyu_file, tmp_path):
    arguments = ["--data", str(nyu_file), "--out", str(tmp_path), "--limit", "2"]
    assert export.main(arguments) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES[:2]
    shutil.rmtree(tmp_path)


def test_the_example_of_the_documentation_runs(nyu_file, model, capsys):
    text = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    here = {"data/nyu": nyu_file, "runs/paper/model": model, "workers=4": "workers=0"}
    for there, own in here.items():
        assert there in example
        example = example.replace(there, str(own))
    exec(example, {"__name__": "__main__"})
    assert "mine fused 0." in capsys.readouterr().out
    exec(example, {"__name__": "__mp_main__"})  # as a worker that is not forked imports it
    assert capsys.readouterr().out == ""


def test_test_pictures_of_another_lens_are_judged_by_that_lens(model, tmp_path):
    data = write_folder(tmp_path / "nyu")

    def error() -> float:
        options = ["--crop", "none", "--device", "cpu", "--workers", "0"]
        report = tmp_path / "report.json"
        assert (
            evaluate.main([str(model), "--data", str(data), *options, "--json", str(report)]) == 0
        )
        return json.loads(report.read_text())["rows"][0]["per image"]["abs_rel"]

    before, tests = error(), data / TEST_LIST
    tests.write_text(tests.read_text().replace(f" {FOCAL}", f" {2 * FOCAL}"))
    assert error() != before
