"""The reader of .h5 frames: what it gives, and what it refuses by file."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from test.training.layouts import colour, millimetres, write_frame, write_frames
from training.data.nyu_frames import NyuFrames
from training.errors import DataError, message_of

RGB = np.zeros((3, 6, 8), np.uint8)
DEPTH = np.ones((6, 8), np.float32)


def test_samples_are_the_frames_in_the_order_of_their_names(tmp_path):
    write_frames(tmp_path)
    write_frame(tmp_path / "train/attic_0001a/00009.h5", rgb=RGB, depth=DEPTH)
    train, val = NyuFrames(tmp_path, "train"), NyuFrames(tmp_path, "val")
    assert (len(train), len(val), train.size) == (5, 2, (6, 8))
    assert [train[item]["scene"] for item in (0, 1)] == ["attic", "study"]
    sample = train[3]
    assert sample["index"] == 3
    assert sample["picture"].dtype == torch.uint8
    np.testing.assert_array_equal(sample["picture"], colour(2).transpose(2, 0, 1))
    assert sample["depth"].dtype == torch.float32
    np.testing.assert_allclose(sample["depth"], millimetres(2) / 1000, rtol=1e-6)
    np.testing.assert_array_equal(train.depth(3), sample["depth"])


def test_a_used_reader_can_be_pickled_and_read_by_workers(tmp_path):
    dataset = NyuFrames(write_frames(tmp_path), "train")
    first = dataset[0]
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[0]["depth"], first["depth"])
    batches = list(DataLoader(dataset, batch_size=2, num_workers=2))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1], [2, 3]]
    assert torch.equal(batches[0]["depth"][0], first["depth"])


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(DataError, match=r"no such folder: .*train; expected train and val"):
        NyuFrames(tmp_path, "train")
    (tmp_path / "train/scene").mkdir(parents=True)
    with pytest.raises(DataError, match=r"train: expected \.h5 files, one per frame, found none"):
        NyuFrames(tmp_path, "train")


@pytest.mark.parametrize("kept", [0.5, 0.0])
def test_a_truncated_file(tmp_path, kept):
    dataset = NyuFrames(write_frames(tmp_path), "train")
    path = tmp_path / "train/study_0003/00002.h5"
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(DataError, match=r"00002\.h5: expected an HDF5 file, found a damaged"):
        dataset[1]


def test_a_file_whose_values_are_damaged(tmp_path):
    dataset = NyuFrames(write_frames(tmp_path), "train")
    path = tmp_path / "train/study_0003/00002.h5"
    with h5py.File(path, "w") as file:
        file["rgb"] = RGB
        depth = file.create_dataset("depth", data=DEPTH, chunks=(6, 8), compression="gzip")
        place = depth.id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"00002\.h5: expected an HDF5 file, found a damaged"):
        dataset[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"rgb": RGB}, r"expected a dataset 'depth', found \['rgb'\]"),
        ({"depth": DEPTH}, r"expected a dataset 'rgb', found \['depth'\]"),
        ({"rgb": RGB.transpose(1, 2, 0), "depth": DEPTH}, r"rgb: expected \(3, 6, 8\) as in the"),
        ({"rgb": RGB[:, :5], "depth": DEPTH}, r"rgb: expected \(3, 6, 8\) .* found \(3, 5, 8\)"),
        ({"rgb": RGB, "depth": DEPTH[:5]}, r"depth: expected \(6, 8\) .* found \(5, 8\)"),
        ({"rgb": RGB.astype(np.float32), "depth": DEPTH}, "rgb: expected uint8, found float32"),
        ({"rgb": RGB, "depth": DEPTH.astype(np.uint16)}, "depth: expected float32, found uint16"),
        ({"rgb": RGB, "depth": DEPTH * np.nan}, "depth: expected finite metres from 0 up"),
        ({"rgb": RGB, "depth": DEPTH * np.inf}, "depth: expected finite metres from 0 up"),
        ({"rgb": RGB, "depth": -DEPTH}, "depth: expected finite metres from 0 up"),
    ],
)
def test_another_layout_is_refused_by_file(tmp_path, content, message):
    dataset = NyuFrames(write_frames(tmp_path), "train")
    write_frame(tmp_path / "train/study_0003/00003.h5", **content)
    assert dataset[1]["index"] == 1
    with pytest.raises(DataError, match=rf"study_0003/00003\.h5: {message}"):
        dataset[2]


def test_an_error_in_a_worker_is_one_message(tmp_path):
    dataset = NyuFrames(write_frames(tmp_path), "train")
    write_frame(tmp_path / "train/study_0003/00003.h5", rgb=RGB, depth=DEPTH * np.nan)
    with pytest.raises(DataError) as caught:
        list(DataLoader(dataset, num_workers=1))
    found = message_of(caught.value)
    assert found.startswith(f"{tmp_path / 'train/study_0003/00003.h5'}: depth: expected finite")
    assert "Traceback" not in found


def test_a_first_frame_of_another_layout(tmp_path):
    write_frame(tmp_path / "train/a/1.h5", rgb=RGB.transpose(1, 2, 0), depth=DEPTH)
    with pytest.raises(DataError, match=r"1\.h5: rgb: expected \(3, H, W\), found \(6, 8, 3\)"):
        NyuFrames(tmp_path, "train")
