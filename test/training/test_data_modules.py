"""What the trainer gets: fresh rooms, or the images of a data set with their camera."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from unittest.mock import Mock

import cv2
import lightning as L
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from moa_depth_ros.network import NetworkConfig
from test.training.layouts import FOCAL, write_folder, write_frames, write_recording
from training import train
from training.callbacks.epoch_checkpoints import EpochCheckpoints
from training.checkpoints import newest
from training.data.files import FilesDataModule
from training.data.samplers import FreshSampler, ShuffledSampler
from training.data.workers import data_loader, shortages_explained
from training.errors import TrainingError
from training.rooms.data_module import RoomsDataModule
from training.rooms.dataset import RoomsDataset

SMALL = NetworkConfig(input_size=(24, 32))


def rooms(**options) -> RoomsDataModule:
    data = RoomsDataModule(**{"num_workers": 0, **options})
    data.trainer = Mock()
    data.trainer.lightning_module.network_config = SMALL
    data.setup()
    return data


def test_every_epoch_has_its_own_rooms():
    sampler = FreshSampler(range(6))
    seen = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        seen += list(sampler)
    assert seen == list(range(18))


def test_processes_share_an_epoch():
    parts = [FreshSampler(range(6), world_size=2, rank=rank) for rank in range(2)]
    for part in parts:
        part.set_epoch(1)
    assert sorted([*parts[0], *parts[1]]) == list(range(6, 12))


def test_shuffled_order_comes_from_seed_and_epoch():
    first, again = ShuffledSampler(range(50), seed=3), ShuffledSampler(range(50), seed=3)
    first.set_epoch(4)
    again.set_epoch(4)
    assert list(first) == list(again)
    assert sorted(first) == list(range(50))
    again.set_epoch(5)
    assert list(first) != list(again)


def test_a_room_is_a_sample_of_its_camera():
    data = rooms()
    sample = data.train_set[5]
    assert sample["picture"].shape == (3, 24, 32)
    assert sample["picture"].dtype == torch.uint8
    assert sample["depth"].shape == (24, 32)
    assert sample["depth"].dtype == torch.float32
    assert torch.equal(sample["picture"], RoomsDataset(0, 1, data.camera)[5]["picture"])
    assert not torch.equal(sample["picture"], data.val_set[5]["picture"])
    assert (data.camera.width, data.camera.height) == (32, 24)


class Recorder(L.LightningModule):
    """Learns nothing; remembers which rooms it was given in which epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.network_config = SMALL
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[int, list[int]] = {}

    def configure_optimizers(self):
        # Asking for the number of steps makes Lightning start the loader early, as schedules do.
        assert self.trainer.estimated_stepping_batches > 0
        return torch.optim.SGD([self.weight], lr=0.1)

    def training_step(self, batch, batch_idx):
        self.seen.setdefault(self.current_epoch, []).extend(batch["index"].tolist())
        return self.weight * 0


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_resumed_run_goes_on_with_the_next_rooms(tmp_path):
    def fit(epochs: int, checkpoint: Path | None) -> Recorder:
        recorder = Recorder()
        trainer = L.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            limit_val_batches=0,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[EpochCheckpoints(tmp_path)],
        )
        data = rooms(rooms_per_epoch=4, batch_size=2, num_workers=1)
        trainer.fit(recorder, data, ckpt_path=checkpoint, weights_only=True)
        return recorder

    assert fit(2, None).seen == {0: [0, 1, 2, 3], 1: [4, 5, 6, 7]}
    assert fit(4, newest(tmp_path)).seen == {2: [8, 9, 10, 11], 3: [12, 13, 14, 15]}


def test_validation_rooms_are_of_another_stream():
    with pytest.raises(TrainingError, match="two different streams"):
        rooms(seed=1, val_seed=1)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("batch_size", 0, "batch_size: expected at least 1, found 0"),
        ("num_workers", -1, "num_workers: expected at least 0, found -1"),
        ("seed", 101, "seed and val_seed: expected two different streams, found 101 twice"),
    ],
)
def test_what_a_data_module_refuses_is_one_line(tmp_path, key, value, says, capsys):
    command = ["--config", "config/training/demo.yaml", "--output", str(tmp_path)]
    assert train.main([*command, f"--data.{key}", str(value)]) == 1
    assert f"error: {says}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("write", "sizes", "camera"),
    [
        (write_folder, (4, 2), Intrinsics(8, 6, FOCAL, FOCAL, 3.5, 2.5)),
        (write_frames, (4, 2), NYU_KINECT.resized(8, 6)),
        (write_recording, (8, 2), Intrinsics(8, 6, 9.5, 9.25, 3.5, 2.5)),
    ],
)
def test_data_in_files_brings_its_camera(tmp_path, write, sizes, camera):
    data = FilesDataModule(str(write(tmp_path)), batch_size=2, num_workers=0, residence="stream")
    data.setup()
    assert (len(data.train_set), len(data.val_set)) == sizes
    assert data.camera == camera
    batch = next(iter(data.val_dataloader()))
    assert batch["picture"].shape == (2, 3, 6, 8)
    assert batch["depth"].shape == (2, 6, 8)


def test_workers_start_after_opencv_worked_in_parallel():
    """A fork copies OpenCV's thread pool without its threads; waiting for them would never end."""
    values = np.random.default_rng(0).random((1500, 1500), dtype=np.float32)
    cv2.remap(values, 1000 * values, 1000 * values, cv2.INTER_LINEAR)
    val_set = rooms(val_rooms=3).val_set
    loader = data_loader(val_set, 1, timeout=30)
    assert len(list(loader)) == 3


class Killed(Dataset):
    """A reader that the system kills."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, item: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return item


def test_a_worker_that_is_killed_is_one_error():
    killed = pytest.raises(TrainingError, match=r"unexpectedly: killed, .*; or let fewer")
    with killed, shortages_explained():
        list(data_loader(Killed(), 1))


class KilledLater(Killed):
    """A reader that the system kills while nobody waits for it."""

    def __getitem__(self, item: int) -> int:
        time.sleep(0.5)
        return super().__getitem__(item)


def test_a_worker_that_is_killed_during_a_step_is_one_error():
    killed = pytest.raises(TrainingError, match=r"is killed by signal: Killed: killed, as")
    with killed, shortages_explained():
        batches = iter(data_loader(KilledLater(), 1))
        time.sleep(60)  # a step, which ends with the worker
        next(batches)


@pytest.mark.parametrize(
    ("said", "kind", "expected"),
    [
        ("Too many open files. Please do", TrainingError, "Too many open files: raise the limit"),
        ("killed: Bus error. Raise your shared memory limit", TrainingError, "--shm-size=1g"),
        ("size mismatch", RuntimeError, "size mismatch"),
    ],
)
def test_a_shortage_is_told_from_a_defect(monkeypatch, said, kind, expected):
    batches = map(Mock(side_effect=RuntimeError(said)), [0])
    monkeypatch.setattr(DataLoader, "__iter__", lambda loader: batches)
    with pytest.raises(kind, match=expected), shortages_explained():
        list(data_loader(Killed(), 1))


def test_another_seed_is_another_order():
    assert list(ShuffledSampler(range(50), seed=3)) != list(ShuffledSampler(range(50), seed=4))
    later, other = ShuffledSampler(range(50), seed=0), ShuffledSampler(range(50), seed=1)
    later.set_epoch(1)
    assert list(later) != list(other)


@pytest.mark.parametrize(("device", "locked"), [("cpu", False), ("cuda", True)])
def test_memory_is_page_locked_for_a_run_on_a_gpu_alone(monkeypatch, device, locked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    data = rooms()
    data.trainer.strategy.root_device = torch.device(device)
    assert data.val_dataloader().pin_memory == locked
