"""Your own recordings: what the reader gives, and what it refuses by name."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from moa_depth_ros.intrinsics import Intrinsics
from test.training.layouts import colour, millimetres, write_png, write_recording
from training.data.held_out import hold_out
from training.data.recordings import Recording
from training.errors import DataError

CAMERA = Intrinsics(8, 6, 9.5, 9.25, 3.5, 2.5)
CAMERA_INFO = """
image_width: {width}
image_height: 6
camera_matrix: {{rows: 3, cols: 3, data: [9.5, 0, 3.5, 0, 9.25, 2.5, 0, 0, 1]}}
"""


def test_samples_come_in_the_order_of_the_numbers(tmp_path):
    train = Recording(write_recording(tmp_path, 12), "train")
    assert [train[item]["index"] for item in range(len(train))] == list(range(10))
    sample = train[9]  # frame_9, which sorts after frame_11 by letters
    assert sample["picture"].dtype == torch.uint8
    np.testing.assert_array_equal(sample["picture"], colour(9).transpose(2, 0, 1))
    assert sample["depth"].dtype == torch.float32
    np.testing.assert_allclose(sample["depth"], millimetres(9) / 1000, rtol=1e-6)
    np.testing.assert_array_equal(train.depth(9), sample["depth"])
    assert sample["scene"] == tmp_path.name
    assert (train.camera, train.size) == (CAMERA, (6, 8))


def test_names_are_those_on_the_disk(tmp_path):
    """Suffixes in capitals, digits that are not numbers, and bytes that are not UTF-8."""
    write_recording(tmp_path, 5)
    stems = ["1²", "1٣", os.fsdecode(b"2\xe9"), "10", "²"]
    for number, stem in enumerate(stems):
        (tmp_path / f"images/frame_{number}.png").rename(tmp_path / f"images/{stem}.PNG")
        (tmp_path / f"depth/frame_{number}.png").rename(tmp_path / f"depth/{stem}.PnG")
    train, val = Recording(tmp_path, "train"), Recording(tmp_path, "val")
    for number, sample in enumerate([*(train[item] for item in range(4)), val[0]]):
        np.testing.assert_array_equal(sample["picture"], colour(number).transpose(2, 0, 1))
        np.testing.assert_allclose(sample["depth"], millimetres(number) / 1000, rtol=1e-6)


def test_the_last_fifth_is_for_validation_in_one_piece(tmp_path):
    write_recording(tmp_path, 10)
    train, val = Recording(tmp_path, "train"), Recording(tmp_path, "val")
    assert [sample["index"] for sample in (train[item] for item in range(8))] == list(range(8))
    assert [val[item]["index"] for item in range(len(val))] == [8, 9]
    np.testing.assert_array_equal(val[0]["picture"], colour(8).transpose(2, 0, 1))


def test_the_training_part_falls_into_ten_pieces_in_its_order(tmp_path):
    train = Recording(write_recording(tmp_path, 31), "train")
    pieces = [train.recording(item) for item in range(len(train))]
    assert pieces == [f"{tmp_path.name}_{item // 2.5:.0f}" for item in range(25)]
    kept, held = hold_out(train, 0.1, seed=0)
    assert (len(kept), len(held)) == (22, 3)
    assert held.indices == list(range(held.indices[0], held.indices[0] + 3))


def test_two_pictures_are_enough_and_one_is_not(tmp_path):
    write_recording(tmp_path / "two", 2)
    assert [len(Recording(tmp_path / "two", split)) for split in ("train", "val")] == [1, 1]
    write_recording(tmp_path / "one", 1)
    with pytest.raises(DataError, match=r"one: expected at least 2 images, .* found 1"):
        Recording(tmp_path / "one", "train")


def test_a_used_reader_can_be_pickled_and_read_by_workers(tmp_path):
    dataset = Recording(write_recording(tmp_path, 5), "train")
    first = dataset[0]
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[0]["depth"], first["depth"])
    batches = list(DataLoader(dataset, batch_size=2, num_workers=2))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1], [2, 3]]


def test_a_matrix_that_windows_wrote(tmp_path):
    path = write_recording(tmp_path) / "K.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b" \r\n"))
    assert Recording(tmp_path, "train").camera == CAMERA


def test_a_camera_info_file(tmp_path):
    write_recording(tmp_path)
    (tmp_path / "K.txt").unlink()
    (tmp_path / "camera.yaml").write_text(CAMERA_INFO.format(width=8))
    assert Recording(tmp_path, "train").camera == CAMERA


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("K.txt", "9.5 0 3.5\n0 9.25 2.5\n", r"K\.txt: expected a 3x3 camera matrix"),
        ("K.txt", "9.5 0 3.5\n0 9.25 2.5\n1 1 1\n", r"K\.txt: expected a 3x3 camera matrix"),
        ("K.txt", "0 0 3.5\n0 9.25 2.5\n0 0 1\n", r"K\.txt: .*expected positive focal lengths"),
        ("K.txt", "nan 0 3.5\n0 9.25 2.5\n0 0 1\n", r"K\.txt: .*expected finite intrinsics"),
        ("K.txt", "9.5, 0, 3.5\n0, 9.25, 2.5\n0, 0, 1\n", r"K\.txt: could not convert .*'9\.5,'"),
        ("K.txt", "what is this\n", r"K\.txt: could not convert string"),
        ("camera.yaml", "image_width: 8\n", r"camera\.yaml: expected a camera_info file"),
        ("camera.yaml", CAMERA_INFO.format(width=9), r"camera of 8x6 images, found 9x6"),
        ("camera.yaml", CAMERA_INFO.format(width=0), r"camera\.yaml: camera: expected a positive"),
        ("notes.txt", "", r"expected one camera, .* found \[\]"),
    ],
)
def test_a_bad_camera_is_named(tmp_path, name, text, message):
    write_recording(tmp_path)
    (tmp_path / "K.txt").unlink()
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Recording(tmp_path, "train")


def test_two_cameras_are_one_too_many(tmp_path):
    write_recording(tmp_path)
    (tmp_path / "camera.yaml").write_text(CAMERA_INFO.format(width=8))
    with pytest.raises(DataError, match=r"expected one camera, .*'K\.txt', 'camera\.yaml'"):
        Recording(tmp_path, "train")


@pytest.mark.parametrize("missing", ["images", "depth"])
def test_a_missing_folder(tmp_path, missing):
    (tmp_path / ("depth" if missing == "images" else "images")).mkdir()
    with pytest.raises(DataError, match=rf"no such folder: .*{missing}; a recording has images/"):
        Recording(tmp_path, "train")


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("depth/frame_3.png", r"images/frame_3\.png: expected a depth image of the same stem"),
        ("images/frame_3.png", r"depth/frame_3\.png: expected a colour image of the same stem"),
    ],
)
def test_a_picture_without_its_counterpart(tmp_path, removed, message):
    write_recording(tmp_path)
    (tmp_path / removed).unlink()
    with pytest.raises(DataError, match=rf"{message}.*\(1 such in all\)"):
        Recording(tmp_path, "train")


def test_two_pictures_of_one_stem(tmp_path):
    write_recording(tmp_path)
    (tmp_path / "images/frame_3.jpg").touch()
    with pytest.raises(DataError, match=r"frame_3\.png: expected one image per stem"):
        Recording(tmp_path, "train")


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        ("depth/frame_9", millimetres(0, (6, 7)), "expected 8x6 pixels .* found 7x6"),
        ("depth/frame_9", colour(0), "expected a 16-bit depth PNG in millimetres, found uint8"),
        ("images/frame_9", colour(0, (12, 16)), "expected 8x6 pixels .* found 16x12"),
    ],
)
def test_a_picture_of_another_size_or_type(tmp_path, name, pixels, message):
    write_png(write_recording(tmp_path) / f"{name}.png", pixels)
    val = Recording(tmp_path, "val")
    assert val[0]["index"] == 8
    with pytest.raises(DataError, match=rf"index 9: .*{name}\.png: {message}"):
        val[1]


@pytest.mark.skipif("MOA_REAL_DATA" not in os.environ, reason="needs real frames")
def test_a_real_recording():
    root = Path(os.environ["MOA_REAL_DATA"]) / "hololens"
    train, val = Recording(root, "train"), Recording(root, "val")
    assert (len(train), len(val)) == (100, 25)
    assert train.camera.size_text == "540x360"
    assert (round(train.camera.fx, 2), round(train.camera.cy, 2)) == (495.57, 169.19)
    for sample in (train[0], val[24]):
        assert sample["picture"].shape == (3, 360, 540)
        assert 0.1 < (sample["depth"] == 0).float().mean() < 0.7
        assert 0.2 < sample["depth"][sample["depth"] > 0].median() < 10
