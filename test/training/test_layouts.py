"""Whatever its layout, a data set is found, opened and judged by one command."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network
from test.training.layouts import (
    millimetres,
    write_folder,
    write_frames,
    write_png,
    write_recording,
)
from training import evaluate
from training.data.layouts import open_splits
from training.data.nyu_folder import NyuFolder
from training.data.nyu_frames import NyuFrames
from training.data.nyu_labelled import NyuLabelled
from training.data.recordings import Recording
from training.errors import DataError

WRITERS = {
    "folder": (write_folder, NyuFolder),
    "frames": (write_frames, NyuFrames),
    "recording": (write_recording, Recording),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_what_is_there_decides(tmp_path, layout):
    write, kind = WRITERS[layout]
    write(tmp_path)
    found = open_splits(tmp_path)
    assert {type(dataset) for dataset in found.values()} == {kind}
    assert len(found["train"]) > len(found["test"])


def test_the_labelled_file_or_its_folder(nyu):
    folder = nyu()
    for data in (folder, folder / "nyu_depth_v2_labeled.mat"):
        found = open_splits(data, depth="filled")
        assert type(found["test"]) is NyuLabelled
        assert (len(found["train"]), len(found["test"])) == (3, 2)


def test_nothing_that_is_known(tmp_path):
    with pytest.raises(
        DataError,
        match=r"expected nyu_depth_v2_labeled\.mat \(labelled\), .* none of them. To download.*out",
    ):
        open_splits(tmp_path)
    (tmp_path / "list.txt").touch()
    with pytest.raises(DataError, match=r"list\.txt: expected a folder, .*, found another file"):
        open_splits(tmp_path / "list.txt")
    with pytest.raises(DataError, match=r"^no such folder: .*/missing; no such file: "):
        open_splits(tmp_path / "missing")
    with pytest.raises(DataError, match=r"no such file: .*nyu_depth_v2_labeled\.mat"):
        open_splits(tmp_path / "missing" / "nyu_depth_v2_labeled.mat")
    with pytest.raises(
        DataError, match=r"(?s)missing/nyu_depth_v2_labeled\.mat and .*training\.prepare"
    ):
        open_splits(tmp_path / "missing")


@pytest.mark.parametrize(
    ("layout", "found", "other"),
    [("frames", "filled", "raw"), ("folder", "raw", "filled"), ("recording", "raw", "filled")],
)
def test_only_the_labelled_file_has_both_kinds_of_depth(tmp_path, layout, found, other):
    WRITERS[layout][0](tmp_path)
    says = f"expected {other} depth, but the layout {layout} has only {found} depth"
    with pytest.raises(DataError, match=says):
        open_splits(tmp_path, depth=other)


@pytest.mark.parametrize(("unit", "told"), [(1.0, False), (0.1, True), (5.0, True)])
@pytest.mark.parametrize("layout", [*WRITERS, "labelled"])
def test_depth_in_another_unit_is_told(tmp_path, nyu, layout, unit, told):
    """Right; a tenth of it, as with centimetres for millimetres; five times, as with fifths."""
    if layout == "labelled":
        raw = np.full((5, 6, 8), 2.5 * unit, np.float32)
        raw[..., :5] = 0  # more holes than readings
        data = nyu(raw=raw)
    else:
        WRITERS[layout][0](data := tmp_path)
    for path in data.rglob("*depth*/*.png" if layout == "recording" else "*depth*.png"):
        write_png(path, np.full((6, 8), 2500 * unit, np.uint16))
    for path in data.rglob("*.h5"):
        with h5py.File(path, "r+") as file:
            file["depth"][...] = 2.5 * unit
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_splits(data)
    said = [str(warning.message) for warning in caught]
    for split in ("train", "test"):
        text = f"{data}, {split} split: the median of some depth is {2.5 * unit:g} m; is it in"
        assert any(found.startswith(text) for found in said) == told


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_clip) -> Path:
    """A model folder, untrained."""
    folder = tmp_path_factory.mktemp("model")
    network = MoADepthClip(NetworkConfig(str(tiny_clip), None, (48, 64)))
    save_network(network, folder, NYU_KINECT)
    return folder


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_is_judged_beside_the_mean_of_its_training_split(
    tmp_path, layout, model, capsys
):
    WRITERS[layout][0](tmp_path / "data")
    report = tmp_path / "report.json"
    command = [model, "--data", tmp_path / "data", "--crop", "none", "--device", "cpu"]
    assert evaluate.main([str(part) for part in [*command, "--json", report]]) == 0
    content = json.loads(report.read_text())
    rows = {(row["model"], row["depth"]): row for row in content["rows"]}
    assert {depth for _, depth in rows} == {"fused", "binned", "regressed", "-"}
    train, test = ((0, 1, 2, 3), (100, 101)) if layout != "recording" else (range(8), (8, 9))
    readings = np.concatenate([d[d > 0] for d in map(millimetres, train)]) / 1000
    truths = [millimetres(seed) / 1000 for seed in test]
    errors = [np.mean((readings.mean() - truth[truth > 0]) ** 2) ** 0.5 for truth in truths]
    found = rows["mean depth", "-"]["per image"]["rmse"]
    assert found == pytest.approx(np.mean(errors), rel=1e-4)


def test_a_training_split_without_depth_that_counts_is_one_message(tmp_path, model, capsys, nyu):
    folder = nyu(raw=np.full((5, 6, 8), 11, np.float32))  # beyond the protocol's 10 m
    assert evaluate.main([str(model), "--data", str(folder), "--device", "cpu"]) == 1
    assert "error: the training set has no valid depth at all" in capsys.readouterr().err
