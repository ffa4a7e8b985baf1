"""The reader of list files: what it gives, and what it refuses by file and line."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from test.training.layouts import FOCAL, colour, millimetres, write_folder, write_list, write_png
from training.data.nyu_folder import NyuFolder, open_nyu_folder
from training.data.sample import text_array
from training.errors import DataError, message_of

PAIR = ("rgb_00000.jpg", "sync_depth_00000.png")
GOOD = f"/kitchen_0028b/rgb_00000.png /kitchen_0028b/sync_depth_00000.png {FOCAL}"


def with_second_line(folder: Path, line: str) -> NyuFolder:
    return NyuFolder(folder / "sync", write_list(folder, "list.txt", [GOOD, line]))


def test_samples_are_the_pictures_that_the_list_names(tmp_path):
    train, test = open_nyu_folder(write_folder(tmp_path))
    assert (len(train), len(test)) == (4, 2)
    sample = train[2]
    assert (sample["index"], sample["scene"], test[0]["scene"]) == (2, "kitchen", "bathroom")
    assert sample["picture"].dtype == torch.uint8
    np.testing.assert_array_equal(sample["picture"], colour(2).transpose(2, 0, 1))
    assert sample["depth"].dtype == torch.float32
    np.testing.assert_allclose(sample["depth"], millimetres(2) / 1000, rtol=1e-6)
    assert sample["depth"][0, 0] == 0
    np.testing.assert_array_equal(train.depth(2), sample["depth"])
    assert train.camera == Intrinsics(8, 6, FOCAL, FOCAL, 3.5, 2.5)


def test_the_camera_of_the_original_size_is_nyus(tmp_path):
    write_png(tmp_path / "rgb.png", colour(0, (480, 640)))
    write_png(tmp_path / "depth.png", millimetres(0, (480, 640)))
    listed = write_list(tmp_path, "list.txt", ["rgb.png depth.png 518.8579"])
    assert NyuFolder(tmp_path, listed).camera == NYU_KINECT
    listed = write_list(tmp_path, "list.txt", ["rgb.png depth.png 600"])  # of another one
    assert NyuFolder(tmp_path, listed).camera == Intrinsics(640, 480, 600.0, 600.0, 319.5, 239.5)


def test_a_used_reader_can_be_pickled_and_read_by_workers(tmp_path):
    dataset, _ = open_nyu_folder(write_folder(tmp_path))
    first = dataset[0]
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[0]["depth"], first["depth"])
    batches = list(DataLoader(dataset, batch_size=2, num_workers=2))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1], [2, 3]]
    assert torch.equal(batches[0]["picture"][0], first["picture"])


def test_a_long_list_is_one_array_of_its_text():
    lines = [f"/café/rgb_{i:05d}.jpg /café/sync_depth_{i:05d}.png 518.8579" for i in range(5000)]
    lines[7] = "short.jpg short.png 518.8579"
    texts = text_array(lines)
    assert [os.fsdecode(text) for text in texts] == lines
    assert texts.nbytes == 5000 * len(os.fsencode(lines[0]))


def test_a_missing_list(tmp_path):
    with pytest.raises(DataError, match=r"no such list file: .*nyudepthv2_train_files_with_gt.txt"):
        open_nyu_folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"list\.txt: expected lines 'colour depth focal', found none"),
        (b"\n\n", r"list\.txt: expected lines 'colour depth focal', found none"),
        (b"\xff\xfe\x00", r"list\.txt: expected a text file"),
    ],
)
def test_a_list_without_lines(tmp_path, content, message):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        NyuFolder(tmp_path, tmp_path / "list.txt")


def test_a_list_that_windows_wrote(tmp_path):
    folder = write_folder(tmp_path)
    (tmp_path / "list.txt").write_bytes(f"\ufeff{GOOD} \r\n{GOOD}\t\r\n\r\n".encode())
    dataset = NyuFolder(folder / "sync", tmp_path / "list.txt")
    assert len(dataset) == 2
    np.testing.assert_array_equal(dataset[0]["picture"], colour(0).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "expected 'colour depth focal', found ''"),
        ("a.png b.png", "expected 'colour depth focal', found 'a.png b.png'"),
        ("a.png b.png 9.5 more", "expected 'colour depth focal', found"),
        ("a.png None 9.5", "expected depth for a.png, found none"),
        ("a.png b.png far", "expected a focal length in pixels, found 'far'"),
        ("a.png b.png nan", "expected a focal length in pixels, found 'nan'"),
        ("a.png b.png -1", "expected a focal length in pixels, found '-1'"),
        ("a.png b.png 721.5", "expected the focal length 9.5 of line 1, .*; found 721.5"),
        (GOOD.replace("rgb_00000", "rgb_7"), "no such file: .*sync/kitchen_0028b/rgb_7.png"),
        (GOOD.replace("sync_depth_00000", "none"), "no such file: .*kitchen_0028b/none.png"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path, line, message):
    folder = write_folder(tmp_path)
    listed = write_list(folder, "list.txt", [GOOD, line, GOOD])
    with pytest.raises(DataError, match=rf"list\.txt, line 2: {message}"):
        NyuFolder(folder / "sync", listed)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (millimetres(0, (6, 7)), "expected 8x6 pixels as in the first colour image, found 7x6"),
        (colour(0), "expected a 16-bit depth PNG in millimetres, found uint8"),
        (millimetres(0).astype(np.uint8), "expected a 16-bit depth PNG .* found uint8"),
    ],
)
def test_depth_of_another_size_or_type(tmp_path, pixels, message):
    folder = write_folder(tmp_path)
    write_png(folder / "sync/kitchen_0028b/sync_depth_00002.png", pixels)
    dataset, _ = open_nyu_folder(folder)
    assert dataset[1]["index"] == 1
    with pytest.raises(DataError, match=rf"with_gt\.txt, line 3: .*00002\.png: {message}"):
        dataset[2]


def test_an_error_in_a_worker_is_one_message(tmp_path):
    folder = write_folder(tmp_path)
    write_png(folder / "sync/kitchen_0028b/sync_depth_00002.png", colour(0))
    dataset, _ = open_nyu_folder(folder)
    with pytest.raises(DataError) as caught:
        list(DataLoader(dataset, num_workers=1))
    found = message_of(caught.value)
    assert found.startswith(f"{folder / 'nyudepthv2_train_files_with_gt.txt'}, line 3: ")
    assert "Traceback" not in found


def test_colour_of_another_size(tmp_path):
    folder = write_folder(tmp_path)
    write_png(folder / "sync/kitchen_0028b/rgb_00001.png", colour(1, (12, 16)))
    dataset, _ = open_nyu_folder(folder)
    with pytest.raises(DataError, match=r"line 2: .*rgb_00001\.png: expected 8x6 .* found 16x12"):
        dataset[1]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("kept", [0.6, 0.0])
def test_a_truncated_colour_picture(tmp_path, suffix, kept):
    folder = write_folder(tmp_path)
    path = folder / f"sync/kitchen_0028b/rgb.{suffix}"
    _, encoded = cv2.imencode(f".{suffix}", np.zeros((6, 8, 3), np.uint8))
    path.write_bytes(encoded.tobytes())
    dataset = with_second_line(folder, GOOD.replace("rgb_00000.png", path.name))
    assert dataset[1]["index"] == 1
    path.write_bytes(encoded.tobytes()[: int(kept * len(encoded))])
    with pytest.raises(DataError, match=rf"line 2: .*rgb\.{suffix}: expected a"):
        dataset[1]


def test_a_jpeg_that_opencv_would_fill_with_grey(tmp_path):
    folder = write_folder(tmp_path)
    path = folder / "sync/kitchen_0028b/rgb.jpg"
    _, encoded = cv2.imencode(".jpg", colour(0))
    path.write_bytes(encoded.tobytes()[:-20])
    assert cv2.imread(str(path)) is not None
    dataset = with_second_line(folder, GOOD.replace("rgb_00000.png", path.name))
    with pytest.raises(DataError, match=r"line 2: .*rgb\.jpg: expected a whole JPEG"):
        dataset[1]


def test_a_picture_in_both_lists_is_refused(tmp_path):
    write_png(tmp_path / "rgb.png", colour(0))
    write_png(tmp_path / "depth.png", millimetres(0))
    write_list(tmp_path, "nyudepthv2_train_files_with_gt.txt", [f"/rgb.png /depth.png {FOCAL}"])
    write_list(tmp_path, "nyudepthv2_test_files_with_gt.txt", [f"rgb.png depth.png {FOCAL}"])
    with pytest.raises(DataError, match=r"test_files_with_gt\.txt, line 1: .* is in .*train_files"):
        open_nyu_folder(tmp_path)


@pytest.mark.skipif("MOA_REAL_DATA" not in os.environ, reason="needs real frames")
def test_real_lists_and_a_real_pair(tmp_path):
    real = Path(os.environ["MOA_REAL_DATA"])
    for name in ("bts_train_files_with_gt_head200.txt", "bts_test_files_with_gt.txt"):
        listed = real / "nyu_v2_metadata" / name
        lines = listed.read_text().splitlines()
        for line in lines:
            for path, real_file in zip(line.split(), PAIR, strict=False):
                place = tmp_path / path.lstrip("/")
                place.parent.mkdir(exist_ok=True)
                place.symlink_to(real / "nyu_pairs" / real_file)
        dataset = NyuFolder(tmp_path, listed)
        assert (len(dataset), dataset.camera) == (len(lines), NYU_KINECT)
        assert not any(character.isdigit() for character in dataset[0]["scene"])
    pairs = [f"/rgb_{n}.jpg /sync_depth_{n}.png 518.8579" for n in ("00000", "00050", "00100")]
    dataset = NyuFolder(real / "nyu_pairs", write_list(tmp_path, "list.txt", pairs))
    assert dataset.camera == NYU_KINECT
    for sample in (dataset[item] for item in range(3)):
        assert sample["picture"].shape == (3, 480, 640)
        assert 0.1 < (sample["depth"] == 0).float().mean() < 0.5
        assert 0.5 < sample["depth"][sample["depth"] > 0].min() < sample["depth"].max() < 10
