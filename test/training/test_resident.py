"""A data set on the device: the batches that streaming would give, in every epoch and process."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import pytest
import torch

from test.training.layouts import millimetres, write_png, write_recording
from training import evaluate
from training.callbacks.epoch_checkpoints import EpochCheckpoints
from training.checkpoints import newest
from training.data import data_module
from training.data.files import FilesDataModule
from training.data.recordings import Recording
from training.data.resident import ResidentLoader, read_onto, resident_bytes
from training.data.samplers import ShuffledSampler
from training.data.workers import readers
from training.errors import DataError


class Recorder(L.LightningModule):
    """Learns nothing; remembers the batches of each epoch, those of validation as epoch -1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[int, list[dict]] = {}

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], lr=0.1)

    def training_step(self, batch, batch_idx):
        self.seen.setdefault(self.current_epoch, []).append(batch)
        return self.weight * 0

    def validation_step(self, batch, batch_idx):
        self.seen.setdefault(-1, []).append(batch)


def fit(root: Path, residence: str, epochs: int = 2, checkpoints: Path | None = None) -> Recorder:
    recorder = Recorder()
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=checkpoints is not None,
        callbacks=[EpochCheckpoints(checkpoints)] if checkpoints else [],
    )
    data = FilesDataModule(str(root), batch_size=3, num_workers=0, residence=residence)
    resumed = newest(checkpoints) if checkpoints else None
    trainer.fit(recorder, data, ckpt_path=resumed, weights_only=True)
    return recorder


def indices(batches: list[dict]) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_trainer_gets_the_batches_that_streaming_gives(tmp_path, capsys):
    root = write_recording(tmp_path)
    streamed, resident = (fit(root, residence).seen for residence in ("stream", "device"))
    assert "images: kept on cpu" in capsys.readouterr().out
    assert set(streamed) == set(resident) == {-1, 0, 1}
    assert indices(resident[0]) != indices(resident[1])
    for epoch in streamed:
        assert [len(found) for found in indices(resident[epoch])] == (
            [2, 2] if epoch < 0 else [3, 3, 2]
        )
        for expected, found in zip(streamed[epoch], resident[epoch], strict=True):
            assert set(found) == set(expected)
            assert torch.equal(found["index"], expected["index"])
            assert found["scene"] == expected["scene"]
            assert torch.equal(found["picture"], expected["picture"])
            assert found["depth"].dtype == torch.float32
            assert torch.equal(found["depth"], expected["depth"].half().float())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_resumed_run_goes_on_with_the_next_epoch(tmp_path):
    root = write_recording(tmp_path / "data")
    whole = fit(root, "device", epochs=4).seen
    fit(root, "device", epochs=2, checkpoints=tmp_path / "checkpoints")
    rest = fit(root, "device", epochs=4, checkpoints=tmp_path / "checkpoints").seen
    assert set(rest) == {-1, 2, 3}
    for epoch in (2, 3):
        assert indices(rest[epoch]) == indices(whole[epoch])


def test_processes_share_an_epoch(tmp_path):
    train = Recording(write_recording(tmp_path), "train")
    samples = read_onto(train, torch.device("cpu"), torch.utils.data.DataLoader(train))
    seen = []
    for rank in range(2):
        loader = ResidentLoader(samples, 3, ShuffledSampler(train, 0, world_size=2, rank=rank))
        assert len(loader) == len(list(loader)) == 2
        seen += [index for batch in loader for index in batch["index"].tolist()]
    assert sorted(seen) == list(range(8))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("spare", "chosen"), [(0, "kept on cpu"), (-1, "streamed by the")])
def test_what_fits_in_half_of_the_free_memory_is_kept(tmp_path, monkeypatch, capsys, spare, chosen):
    root = write_recording(tmp_path)
    needed = 10 * 6 * 8 * (3 + 2)  # both splits: uint8 colour, half-precision depth
    assert resident_bytes(Recording(root, "train")) == 8 * needed // 10
    monkeypatch.setattr(data_module, "free_bytes", lambda device: 2 * needed + spare)
    fit(root, "auto", epochs=1)
    assert f"images: {chosen}" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_on_a_cpu_nothing_is_kept_unasked(tmp_path, capsys):
    fit(write_recording(tmp_path), "auto", epochs=1)
    assert "images: streamed by the training process" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_bad_picture_is_named_before_the_first_step(tmp_path):
    root = write_recording(tmp_path)
    write_png(root / "depth" / "frame_3.png", millimetres(0, (6, 7)))
    with pytest.raises(DataError, match=r"index 3: .*frame_3\.png: expected 8x6 pixels"):
        fit(root, "device")


@pytest.mark.parametrize(
    ("cores", "workers", "processes", "expected"),
    [(2, 2, 1, 2), (6, 2, 1, 6), (16, 2, 1, 8), (16, 12, 1, 12), (16, 2, 4, 4), (16, 0, 1, 0)],
)
def test_readers_at_the_start(monkeypatch, cores, workers, processes, expected):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    assert readers(workers, processes) == expected


def test_the_judge_has_a_reader_for_each_core_that_it_may_run_on(monkeypatch):
    """A container may have fewer than the machine."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(3)))
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    asked = []
    monkeypatch.setattr(evaluate, "run", lambda options: asked.append(options.workers))
    assert evaluate.main(["model", "--data", "data"]) == 0
    assert asked == [3]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_both_sets_are_read_by_them(tmp_path, monkeypatch):
    asked = []

    class Loader(torch.utils.data.DataLoader):
        def __init__(self, dataset, num_workers, **options):
            asked.append(num_workers)
            super().__init__(dataset, num_workers=0, **options)

    monkeypatch.setattr("training.data.workers.DataLoader", Loader)
    monkeypatch.setattr(data_module, "readers", lambda workers, processes: 5 * processes)
    fit(write_recording(tmp_path), "device", epochs=1)
    assert asked == [5, 5]
