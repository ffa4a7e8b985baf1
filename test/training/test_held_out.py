"""The best epoch is chosen by recordings that were held out, never by the test split."""

from __future__ import annotations

import csv
import shutil
from types import SimpleNamespace
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
import torch

from moa_depth_ros.network import load_network
from test.training.layouts import write_folder, write_frames, write_recording
from test.training.sleeper import LIMIT
from test.training.tiny_runs import TRAINED, VALIDATED, arguments, write_pictures
from training import train
from training.callbacks.best import KeepBest
from training.checkpoints import AtomicCheckpointIO
from training.data.depth_set import DepthSet
from training.data.held_out import hold_out
from training.data.layouts import open_splits
from training.data.nyu_folder import open_nyu_folder
from training.data.nyu_frames import NyuFrames
from training.data.nyu_labelled import NyuLabelled
from training.data.pack import pack
from training.data.packed import Packed
from training.data.recordings import Recording
from training.errors import DataError
from training.module import DepthModule
from training.rooms.dataset import RoomsDataset


class Recorded(DepthSet):
    """Ten recordings of ten images each, in two parts; a sample is its own number."""

    def __len__(self):
        return 100

    def __getitem__(self, item):
        return item

    def depth(self, item):
        raise NotImplementedError

    def recording(self, item):
        return f"office_{item // 10:04d}{'ab'[item % 2]}"


def test_whole_recordings_are_held_out():
    kept, held = hold_out(Recorded(), 0.25, seed=0)
    kept, held = set(kept), set(held)
    assert kept | held == set(range(100))
    assert len(held) == 20  # whole recordings, as near to a quarter as possible
    assert {item // 10 for item in kept}.isdisjoint(item // 10 for item in held)


def test_the_seed_says_which():
    drawn = [tuple(hold_out(Recorded(), 0.3, seed)[1].indices) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("share", [-0.1, 0.99, 1.0, float("nan")])
def test_a_share_that_leaves_nothing(share):
    with pytest.raises(DataError, match=r"held_out: .* of 10 recordings"):
        hold_out(Recorded(), share, seed=0)


def test_rooms_without_end_have_no_recordings():
    with pytest.raises(DataError, match=r"held_out: .*found RoomsDataset"):
        hold_out(RoomsDataset(0, 4, None), 0.5, seed=0)


def test_a_packed_set_that_knows_no_recordings(tmp_path, nyu):
    packed, folder = tmp_path / "packed.h5", nyu()
    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "r+") as file:
        del file["scenes"]
    pack(open_splits(folder), packed, "pictures of who knows where")
    with pytest.raises(DataError, match=r"held_out: .*which recording.*found Packed, which does"):
        hold_out(Packed(packed, "train"), 0.5, seed=0)


def test_recordings_of_files(tmp_path, nyu):
    train_set, _ = open_nyu_folder(write_folder(tmp_path / "folder"))
    assert train_set.recording(1) == "kitchen_0028b"
    assert NyuFrames(write_frames(tmp_path / "frames"), "train").recording(3) == "study_0003"
    mat = nyu() / "nyu_depth_v2_labeled.mat"
    labelled = NyuLabelled(mat, tmp_path / "splits.mat")
    assert labelled.recording(1) == "bedroom_0002"
    packed = tmp_path / "packed.h5"
    pack(open_splits(tmp_path), packed, "five pictures")
    assert Packed(packed, "train").recording(1) == "bedroom_0002"
    pack(open_splits(write_recording(tmp_path / "own")), packed, "a recording")
    assert Packed(packed, "train").recording(1) == "own_1"
    bare = shutil.copy(mat, tmp_path / "bare.mat")
    with h5py.File(bare, "r+") as file:
        del file["scenes"]
    labelled = NyuLabelled(bare, tmp_path / "splits.mat")
    assert labelled.recording(1) == ""


@pytest.fixture
def data(tmp_path, write_nyu):
    """Two training images per recording; those of the test split have no readable depth."""
    root = write_pictures(tmp_path / "data", write_nyu)
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "r+") as file:
        file["rawDepths"][TRAINED:] = np.nan
        references = file["scenes"]
        for number in range(TRAINED + VALIDATED):
            codes = np.array([[ord(letter)] for letter in f"office_{number // 2:04d}"], np.uint16)
            references[0, number] = file.create_dataset(f"#refs#/office{number}", data=codes).ref
    return root


# A learning rate that overshoots, so that the second epoch is the worse one.
CHOOSING = {"held_out": 0.3, "trainer__max_epochs": 2, "model__optimiser__lr": 0.3}


def abs_rel(run):
    """AbsRel of each validation of a run, in the order of its epochs."""
    rows = []
    for log in sorted(run.glob("logs/*/csv/metrics.csv")):
        with log.open() as file:
            rows += [row for row in csv.DictReader(file) if row.get("val/loss")]
    return [float(row["val/fused/abs_rel"]) for row in rows]


def assert_holds_epoch(run, folder, epoch):
    path = run / "checkpoints" / f"epoch-{epoch:03d}.ckpt"
    expected = AtomicCheckpointIO().load_checkpoint(path)["state_dict"]
    for name, value in load_network(run / folder)[0].state_dict().items():
        assert torch.equal(value, expected[f"network.{name}"]), (folder, name)


def test_the_best_epoch_is_kept_beside_the_last(tmp_path, data, tiny_clip):
    run = tmp_path / "run"
    assert train.main(arguments(data, run, tiny_clip, **CHOOSING)) == 0
    first, second = abs_rel(run)
    assert first < second
    for folder, epoch in (("best", 0), ("model", 1)):
        assert_holds_epoch(run, folder, epoch)


def test_models_are_written_before_anything_is_printed(tmp_path, data, tiny_clip, monkeypatch):
    monkeypatch.setattr(train, "print", Mock(side_effect=OSError("full disk")), raising=False)
    assert train.main(arguments(data, tmp_path, tiny_clip, **CHOOSING)) == 1
    for name in ("model/config.json", "best/config.json", "provenance.json"):
        assert (tmp_path / name).is_file()


def test_weights_alone_are_nothing_to_go_on_from(tmp_path, data, tiny_clip, capsys):
    first = {**CHOOSING, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **first)) == 0
    named = tmp_path / "checkpoints" / "best.ckpt"
    assert train.main(arguments(data, tmp_path, tiny_clip, **CHOOSING, ckpt_path=named)) == 1
    said = capsys.readouterr().err
    assert "error: ckpt_path: expected the checkpoint of an epoch, found only weights" in said
    assert "--ckpt_path last" in said and "--model.init_from" in said


def test_only_a_validation_of_the_run_chooses_and_nan_never_wins(tmp_path):
    written, best = [], KeepBest(tmp_path, 0.3)
    trainer = SimpleNamespace(
        sanity_checking=True,  # Lightning's, before the training
        fast_dev_run=False,
        should_stop=False,
        current_epoch=4,
        save_checkpoint=lambda path, weights_only: written.append(path),
    )
    for value, count in ((0.1, 0), (float("nan"), 0), (0.5, 1), (float("nan"), 1), (0.25, 2)):
        trainer.callback_metrics = {"val/fused/abs_rel": torch.tensor(value)}
        best.on_validation_end(trainer, None)
        assert len(written) == count
        trainer.sanity_checking = False
    assert best.state_dict() == {"least": 0.25, "epoch": 4}


@pytest.mark.parametrize("name", ["run", "moved"])
def test_a_resumed_run_keeps_the_best_epoch(tmp_path, data, tiny_clip, capsys, name):
    """Even if its folder was moved in between."""
    first = {**CHOOSING, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **first)) == 0
    run = (tmp_path / "run").rename(tmp_path / name)
    shutil.rmtree(run / "best")
    assert train.main(arguments(data, run, tiny_clip, **CHOOSING, ckpt_path="last")) == 0
    before, after = abs_rel(run)
    assert before < after
    assert_holds_epoch(run, "best", 0)
    assert "dirpath" not in capsys.readouterr().err


def test_a_run_resumed_without_its_best_chooses_again(tmp_path, data, tiny_clip, capsys):
    first = {**CHOOSING, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **first)) == 0
    named = tmp_path / "run" / "checkpoints" / "epoch-000.ckpt"
    command = arguments(data, tmp_path / "other", tiny_clip, **CHOOSING, ckpt_path=named)
    assert train.main(command) == 0
    path = tmp_path / "other" / "checkpoints" / "best.ckpt"
    assert f"warning: {path}: there is no such checkpoint, but" in capsys.readouterr().err
    assert_holds_epoch(tmp_path / "other", "best", 1)


def test_a_best_of_epochs_that_were_taken_back_is_chosen_anew(tmp_path, data, tiny_clip, capsys):
    """A run that resumes from an earlier epoch may find a best of a later one."""
    first = {**CHOOSING, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **first)) == 0
    assert "best epoch: 0, val/fused/abs_rel 0." in capsys.readouterr().out
    path = tmp_path / "checkpoints" / "best.ckpt"
    torch.save({**torch.load(path, weights_only=True), "epoch": 5}, path)
    shutil.rmtree(tmp_path / "best")
    assert train.main(arguments(data, tmp_path, tiny_clip, **CHOOSING, ckpt_path="last")) == 0
    said = capsys.readouterr()
    assert f"{path}: it is of epoch 5, but the best so far was epoch 0" in said.err
    assert "best epoch: 1, val/fused/abs_rel " in said.out
    assert_holds_epoch(tmp_path, "best", 1)


def test_a_damaged_best_is_chosen_anew(tmp_path, data, tiny_clip, capsys):
    first = {**CHOOSING, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **first)) == 0
    path = tmp_path / "checkpoints" / "best.ckpt"
    path.write_bytes(path.read_bytes()[:-1000])
    assert train.main(arguments(data, tmp_path, tiny_clip, **CHOOSING, ckpt_path="last")) == 0
    assert f"{path}: it is damaged, but the best so far" in capsys.readouterr().err
    assert_holds_epoch(tmp_path, "best", 1)


def test_where_no_epoch_can_be_chosen_it_says_so(tmp_path, data, tiny_clip, capsys):
    never = {"trainer__val_check_interval": 2, "trainer__check_val_every_n_epoch": "null"}
    choosing = {**CHOOSING, **never, "trainer__max_epochs": 1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **choosing, data__batch_size=4)) == 0
    assert "no best epoch: no complete epoch was validated" in capsys.readouterr().out
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize("interval", [1.0, 0.5])
def test_half_an_epoch_is_not_chosen(tmp_path, data, tiny_clip, interval):
    """Lightning validates once more when the run's time is over."""
    changes = {
        "held_out": 0.3,
        "trainer__max_time": LIMIT,
        "trainer__callbacks": "test.training.sleeper.SleepInFirstBatch",
        "trainer__val_check_interval": interval,
    }
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    assert len(abs_rel(tmp_path)) == 1
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("limit_val_batches", 0, "more than 0"),
        ("check_val_every_n_epoch", 2, "at most 1, the number of epochs"),
    ],
)
def test_nothing_to_choose_by(tmp_path, data, tiny_clip, capsys, key, value, expected):
    changes = {"held_out": 0.3, f"trainer__{key}": value}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 1
    error = capsys.readouterr().err
    assert f"error: trainer.{key}: expected {expected}, because held_out" in error
    assert f"found {value}\n" in error
    assert not (tmp_path / "run").exists()


def test_a_validation_at_the_very_end_chooses(tmp_path, data, tiny_clip):
    changes = {"held_out": 0.3, "trainer__max_epochs": 2, "trainer__check_val_every_n_epoch": 2}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    assert_holds_epoch(tmp_path, "best", 1)


def test_what_is_held_out_is_not_trained_on(tmp_path, monkeypatch, write_nyu, tiny_clip):
    seen = {"train": set(), "val": set()}
    for stage, name in (("train", "training_step"), ("val", "validation_step")):
        step = getattr(DepthModule, name)

        def watch(self, batch, number, step=step, stage=stage):
            seen[stage] |= set(batch["index"].tolist())
            return step(self, batch, number)

        monkeypatch.setattr(DepthModule, name, watch)
    data = write_pictures(tmp_path / "data", write_nyu)
    monkeypatch.setattr(NyuLabelled, "recording", lambda self, item: f"office_{item // 2:04d}")
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, held_out=0.3)) == 0
    assert seen["train"] and seen["val"]
    assert seen["train"].isdisjoint(seen["val"])
    assert seen["train"] | seen["val"] == set(range(6))


def test_what_was_trained_on_does_not_choose_later(tmp_path, data, tiny_clip, capsys):
    held, none = "--held_out 0.3 --data.seed 0", "--held_out 0"
    began = {name: tmp_path / name for name in (held, none)}
    assert train.main(arguments(data, began[held], tiny_clip, held_out=0.3)) == 0
    changes = {"trainer__limit_val_batches": 0}
    assert train.main(arguments(data, began[none], tiny_clip, **changes)) == 0
    for before, changes, found in (
        (held, {"held_out": 0.4}, "--held_out 0.4 --data.seed 0"),
        (held, {"held_out": 0.3, "data__seed": 1}, "--held_out 0.3 --data.seed 1"),
        (held, {}, none),
        (none, {"held_out": 0.3}, held),
    ):
        changes = {**changes, "ckpt_path": "last", "trainer__max_epochs": 2}
        assert train.main(arguments(data, began[before], tiny_clip, **changes)) == 1
        said = f"error: expected {before}, with which the run began, found {found}: the best"
        assert said in capsys.readouterr().err
    changes = {"data__seed": 1, "trainer__limit_val_batches": 0, "ckpt_path": "last"}
    assert train.main(arguments(data, began[none], tiny_clip, **changes)) == 0


def test_other_pictures_do_not_choose_later(tmp_path, data, tiny_clip, capsys):
    """Those of another data set, divided by the same share and seed."""
    began, other = tmp_path / "run", tmp_path / "other"
    assert train.main(arguments(data, began, tiny_clip, held_out=0.3)) == 0
    shutil.copytree(data, other)
    with h5py.File(other / "nyu_depth_v2_labeled.mat", "r+") as file:
        scenes = file["scenes"][0]
        file["scenes"][0] = np.roll(scenes, 1)
    changes = {"held_out": 0.3, "ckpt_path": "last", "trainer__max_epochs": 2}
    assert train.main(arguments(other, began, tiny_clip, **changes)) == 1
    assert "error: data: expected the images with which the run began" in capsys.readouterr().err


@pytest.mark.parametrize("count", [20, 106, 133, 399])
def test_a_tenth_of_a_recording_is_one_piece(count, tmp_path):
    """Whatever its length: pieces differ by one image."""

    class Film(Recorded):
        root = tmp_path

        def __len__(self):
            return count

        recording = Recording.recording

    _, held = hold_out(Film(), 0.1, seed=0)
    pieces = {Film().recording(item) for item in held}
    assert len(pieces) == 1
    assert abs(len(held) - count / 10) < 1
