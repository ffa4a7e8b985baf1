"""The reader of the labelled NYU layout: what it gives, and what it refuses by name."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch.utils.data import DataLoader

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.nyu_labelled import NyuLabelled
from training.errors import DataError, message_of
from training.rooms import sample_frame
from training.rooms.nyu_file import write_nyu_file


def read(folder, split="train", depth="raw") -> NyuLabelled:
    mat = folder / "nyu_depth_v2_labeled.mat"
    return NyuLabelled(mat, folder / "splits.mat", split, depth)


def test_samples_are_upright_and_of_the_right_pictures(nyu):
    pictures = np.arange(5 * 6 * 8 * 3, dtype=np.uint8).reshape(5, 6, 8, 3)
    raw = np.arange(1, 5 * 6 * 8 + 1, dtype=np.float32).reshape(5, 6, 8)
    folder = nyu(pictures=pictures, raw=raw)
    train, test = read(folder), read(folder, "test", "filled")
    assert (len(train), len(test)) == (3, 2)
    sample = train[1]
    assert (sample["index"], sample["scene"]) == (2, "bedroom")
    assert sample["picture"].dtype == torch.uint8
    np.testing.assert_array_equal(sample["picture"].numpy(), pictures[2].transpose(2, 0, 1))
    np.testing.assert_array_equal(sample["depth"].numpy(), raw[2])
    assert (test[0]["index"], test[0]["scene"]) == (1, "kitchen")
    np.testing.assert_array_equal(test[0]["depth"].numpy(), raw[1] + 0.25)
    np.testing.assert_array_equal(test.depth(1), raw[3] + 0.25)


def test_the_real_file_is_not_rendered(nyu):
    assert not read(nyu()).rendered


def test_a_used_reader_can_be_pickled_and_read_by_workers(nyu):
    dataset = read(nyu())
    first = dataset[0]
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[0]["depth"], first["depth"])
    batches = list(DataLoader(dataset, batch_size=1, num_workers=2))
    assert [int(batch["index"]) for batch in batches] == [0, 2, 4]
    assert torch.equal(batches[0]["depth"][0], first["depth"])


def test_missing_files_are_named_with_where_to_get_them(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    for text in ("nyu_depth_v2_labeled.mat", "splits.mat", "home page", "demo.yaml"):
        assert text in str(caught.value)


@pytest.mark.parametrize("kept", [0.5, 0.0])
def test_a_truncated_file(nyu, kept):
    folder = nyu()
    path = folder / "nyu_depth_v2_labeled.mat"
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(DataError, match=r"nyu_depth_v2_labeled.mat: expected an HDF5 file"):
        read(folder)


def test_a_damaged_splits_file(nyu):
    folder = nyu()
    (folder / "splits.mat").write_bytes(b"MATLAB 5.0 MAT-file, and then nothing")
    with pytest.raises(DataError, match=r"splits.mat: expected a MATLAB v5 file"):
        read(folder)


def test_splits_without_a_key(nyu):
    folder = nyu()
    savemat(folder / "splits.mat", {"trainNdxs": np.array([[1]])})
    with pytest.raises(DataError, match=r"splits.mat: .*'testNdxs' is missing"):
        read(folder)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": []}, r"splits.mat: trainNdxs: expected indices, found none"),
        ({"test": [2, 6]}, r"splits.mat: testNdxs: expected indices from 1 to 5, found 6"),
        ({"train": [0, 1]}, r"splits.mat: trainNdxs: expected indices from 1 to 5, found 0"),
        ({"train": [1, 4]}, r"splits.mat: index 4 is in both trainNdxs and testNdxs"),
        ({"train": [1, 1]}, r"splits.mat: trainNdxs: index 1 appears more than once"),
    ],
)
def test_bad_splits(nyu, splits, message):
    with pytest.raises(DataError, match=message):
        read(nyu(**splits))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rawDepths", np.ones((5, 8, 7), np.float32), r"rawDepths: expected \(5, 8, 6\), found"),
        ("rawDepths", np.ones((5, 8, 6), np.uint16), r"rawDepths: expected float32, found uint16"),
        ("images", np.ones((5, 8, 6, 3), np.uint8), r"images: expected \(M, 3, W, H\), found"),
        ("images", np.ones((5, 3, 8, 6), np.float32), r"images: expected uint8, found float32"),
        ("rawDepths", None, r"expected a dataset 'rawDepths'"),
    ],
)
def test_another_layout(nyu, key, value, message):
    folder = nyu()
    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "a") as file:
        del file[key]
        if value is not None:
            file[key] = value
    with pytest.raises(DataError, match=rf"nyu_depth_v2_labeled.mat: {message}"):
        read(folder)


@pytest.mark.parametrize(("bad", "workers"), [(np.nan, 0), (np.inf, 0), (-1.0, 0), (np.nan, 1)])
def test_bad_depth_names_file_and_index(nyu, bad, workers):
    raw = np.ones((5, 6, 8), np.float32)
    raw[2, 3, 4] = bad
    dataset = read(nyu(raw=raw))
    assert dataset[0]["index"] == 0
    with pytest.raises(DataError) as caught:
        list(DataLoader(dataset, num_workers=workers))
    message = message_of(caught.value)
    assert "nyu_depth_v2_labeled.mat: rawDepths of index 2: expected finite metres" in message
    assert "Traceback" not in message


def test_a_file_of_rendered_rooms_reads_the_same_way(tmp_path):
    frames = [sample_frame(5, index, NYU_KINECT) for index in range(3)]
    mat = tmp_path / "nyu_depth_v2_labeled.mat"
    write_nyu_file(mat, iter(frames), 3, tmp_path / "splits.mat", num_train=2, seed=5)
    train, test = read(tmp_path, depth="filled"), read(tmp_path, "test")
    assert (len(train), len(test)) == (2, 1)
    assert train.size == (480, 640)
    assert train.rendered and test.rendered
    assert (train.depth_kind, test.depth_kind) == ("filled", "raw")
    for sample, frame in zip(train, frames[:2], strict=True):
        np.testing.assert_array_equal(sample["picture"], frame.picture.transpose(2, 0, 1))
        np.testing.assert_array_equal(sample["depth"], frame.depth)
        assert sample["scene"] == frame.scene_type
    raw = test[0]["depth"].numpy()
    assert 0 < (raw == 0).mean() < 1
    np.testing.assert_array_equal(raw[raw > 0], frames[2].depth[raw > 0])
