"""What a run leaves beside its weights: images, figures, and the samples of a bad loss."""

from __future__ import annotations

import csv
import gc
import json
import math
import shutil
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from test.training.tiny_runs import arguments, write_pictures
from training import train
from training.callbacks import progress, throughput
from training.callbacks.panels import COLUMNS, PanelRow, draw_panel
from training.callbacks.progress import RunProgressBar, time_left
from training.callbacks.throughput import PicturesPerSecond
from training.module import DepthModule


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_nyu):
    return write_pictures(tmp_path_factory.mktemp("nyu"), write_nyu)


@pytest.fixture(scope="module")
def run(tmp_path_factory, data, tiny_clip):
    """A run of two epochs with everything that it logs."""
    run = tmp_path_factory.mktemp("run")
    assert train.main(arguments(data, run, tiny_clip, trainer__max_epochs=2)) == 0
    return run


def test_every_epoch_is_in_both_logs(run):
    named = {f"val/{name}" for name in ("loss", "cross_entropy", "l1", "silog", "fused/abs_rel")}
    named |= {f"train/{name}_epoch" for name in ("loss", "cross_entropy", "l1", "silog")}
    named |= {f"gates/{layer}/weight_3" for layer in (2, 5, 8, 11)}
    named |= {"gates/2/entropy", "train/pictures_per_second"}
    log = next(run.glob("logs/*/csv/metrics.csv"))
    with log.open() as file:
        rows = list(csv.DictReader(file))
    events = EventAccumulator(str(log.parents[1]))
    events.Reload()
    for name in named:
        written = [float(row[name]) for row in rows if row.get(name)]
        assert len(written) == 2, name
        assert [event.value for event in events.Scalars(name)] == pytest.approx(written, rel=1e-6)
    assert all(0 < float(row["gates/2/entropy"]) <= math.log(4) for row in rows if row["val/loss"])
    assert len(events.Images("panel")) == 2


def test_the_terms_of_an_epoch_are_means_over_its_pictures(tmp_path, data, tiny_clip):
    """Of batches of four and two."""
    changes = {"data__batch_size": 4, "trainer__limit_val_batches": 0}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    with next(tmp_path.glob("logs/*/csv/metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    first, second = (float(row["train/loss_step"]) for row in rows if row["train/loss_step"])
    (epoch,) = (float(row["train/loss_epoch"]) for row in rows if row["train/loss_epoch"])
    assert epoch == pytest.approx((4 * first + 2 * second) / 6)


def test_a_panel_after_every_epoch(run):
    panels = sorted((run / "panels").iterdir())
    assert [path.name for path in panels] == ["epoch-000.png", "epoch-001.png"]
    first, second = (cv2.imread(str(path)) for path in panels)
    tile = first.shape[1] // len(COLUMNS)
    assert (first[:, :tile] == second[:, :tile]).all()  # the same images
    assert (first != second).any()  # seen by another network


def test_a_panel_shows_what_is_wrong_and_what_is_unknown():
    truth = np.full((6, 8), 2.0, np.float32)
    truth[:, 4:] = 0
    depth = np.full((6, 8), 2.0, np.float32)
    wrong = np.full((6, 8), 4.0, np.float32)
    colour = np.full((6, 8, 3), 200, np.uint8)
    panel = draw_panel(
        [PanelRow(colour, truth, depth, wrong, fused, depth) for fused in (depth, wrong)]
    )
    rows = np.split(panel[20:], 2)
    columns = [dict(zip(COLUMNS, np.split(row, len(COLUMNS), axis=1), strict=True)) for row in rows]
    assert (columns[0]["colour"] == 200).all()
    assert (columns[0]["truth"][:, :112] == columns[0]["fused"][:, :112]).all()
    assert not columns[0]["truth"][:, 112:].any()
    assert columns[0]["error"][:, :112].max() < 10  # no error: the dark end
    assert columns[1]["error"][:, :112].mean() > 150  # 2 m: the bright end
    assert (columns[1]["error"][:, 112:] == 128).all()


def test_the_time_left_is_that_of_the_steps_to_do():
    assert time_left(60.0, 10, 610) == "1:01:00"
    assert time_left(0.0, 0, 610) == "?"
    assert time_left(60.0, 10, math.inf) == "?"


def test_the_time_left_of_a_resumed_run_is_at_its_own_pace(monkeypatch):
    """Earlier steps took none of its time."""
    monkeypatch.setattr(TQDMProgressBar, "on_train_start", lambda *_: None)
    monkeypatch.setattr(TQDMProgressBar, "get_metrics", lambda *_: {"v_num": 0, "loss": 1.0})
    bar, trainer = RunProgressBar(), SimpleNamespace(estimated_stepping_batches=200)
    for trainer.global_step, now in ((100, 1000.0), (110, 1020.0)):
        monkeypatch.setattr(progress.time, "monotonic", lambda now=now: now)
        if now == 1000.0:
            bar.on_train_start(trainer, None)
    assert bar.get_metrics(trainer, None) == {"loss": 1.0, "run_left": "0:03:00"}


def test_pictures_per_second_leave_out_validation(monkeypatch):
    counter, logged = PicturesPerSecond(), {}
    module = SimpleNamespace(log=lambda name, value, **_: logged.update({name: value}))

    def at(seconds: float, event: str, *given: object) -> None:
        monkeypatch.setattr(throughput.time, "perf_counter", lambda: seconds)
        getattr(counter, event)(None, module, *given)

    at(0, "on_train_epoch_start")
    at(2, "on_train_batch_end", None, {"index": range(8)}, 0)
    at(3, "on_train_batch_end", None, {"index": range(8)}, 1)
    at(10, "on_validation_end")
    at(11, "on_train_batch_end", None, {"index": range(4)}, 2)
    at(15, "on_train_epoch_end")
    assert logged == {"train/pictures_per_second": 20 / 4}


def test_the_bar_is_drawn_ten_times_a_second_at_most_and_at_the_epochs_end(monkeypatch):
    drawn, trainer = [], SimpleNamespace(is_last_batch=False)
    monkeypatch.setattr(
        TQDMProgressBar, "on_train_batch_end", lambda self, trainer, *_: drawn.append(trainer.step)
    )
    bar = RunProgressBar()
    for trainer.step in range(100):  # a step takes 20 ms
        monkeypatch.setattr(progress.time, "monotonic", lambda: 1000 + 0.02 * trainer.step)
        trainer.is_last_batch = trainer.step == 99
        bar.on_train_batch_end(trainer, None, None, trainer.step)
    assert drawn[0] == 0 and drawn[-1] == 99
    assert 17 <= len(drawn) <= 21


def test_an_error_is_not_on_the_bars_line(tmp_path, monkeypatch, data, tiny_clip, capsys):
    """On a terminal. Nor does the bar reappear after it."""
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    changes = {"model__optimiser__lr": 1e36, "trainer__enable_progress_bar": "true"}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    gc.collect()
    bar, _, error = capsys.readouterr().out.partition("error: ")
    assert "Epoch 0" in bar and bar.endswith("\n")
    assert "Epoch 0" not in error


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_its_samples(
    tmp_path, data, tiny_clip, capsys
):
    """An absurd learning rate: the first step's loss is finite, the second's is not."""
    changes = {"model__optimiser__lr": 1e36, "trainer__log_every_n_steps": 50}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    assert (tmp_path / "logs" / "version_0" / "config.yaml").is_file()  # with nothing logged yet
    error = capsys.readouterr().err
    saved = tmp_path / "non_finite" / "epoch-000-batch-00001-process-0"
    assert "in epoch 0, batch 1" in error
    assert str(saved) in error
    assert "This step did not change the weights" in error
    assert error.endswith("or start again with a lower learning rate\n")
    assert not (tmp_path / "checkpoints").exists()
    found = json.loads((saved / "samples.json").read_text())
    assert (found["epoch"], found["batch"]) == (0, 1)
    assert set(found["loss"]) == {"cross_entropy", "l1", "silog", "loss"}
    batch = load_file(saved / "batch.safetensors")
    assert batch["index"].tolist() == found["index"]
    assert f"indices {found['index']}" in error
    assert torch.isfinite(batch["depth"]).all()
    for index, picture in zip(found["index"], batch["picture"], strict=True):
        stored = cv2.imread(str(saved / f"{index}.png"))[..., ::-1]
        assert (stored.transpose(2, 0, 1) == picture.numpy()).all()


def test_the_advice_where_there_is_a_checkpoint(tmp_path, data, run, tiny_clip, capsys):
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    changes = {"trainer__max_epochs": 3, "ckpt_path": "last", "model__optimiser__lr": 1e36}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    advice = "or resume with --ckpt_path last and a lower learning rate\n"
    assert capsys.readouterr().err.endswith(advice)


def test_weights_broken_by_the_last_step_of_an_epoch_become_no_checkpoint(
    tmp_path, data, tiny_clip, capsys
):
    changes = {"model__optimiser__lr": 1e36, "data__batch_size": 6}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    error = capsys.readouterr().err
    assert "the validation loss is not finite" in error
    assert error.endswith("in epoch 0; start again with a lower learning rate\n")
    assert not (tmp_path / "checkpoints").exists()


def test_weights_that_are_no_numbers_become_no_checkpoint(
    tmp_path, monkeypatch, data, tiny_clip, capsys
):
    """Even if nothing is validated."""

    def spoil(self, optimiser):
        if self.trainer.is_last_batch:
            self.network.regression.linear.weight.grad.fill_(math.nan)

    monkeypatch.setattr(DepthModule, "on_before_optimizer_step", spoil)
    changes = {"trainer__limit_val_batches": 0}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    said = "error: weights are not finite at the end of epoch 0; start again with a lower learning"
    assert said in capsys.readouterr().err
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "model").exists()


def test_a_run_without_a_logger(tmp_path, monkeypatch, data, tiny_clip):
    """It can be resumed, too, and leaves nothing outside its folder."""
    monkeypatch.chdir(tmp_path)
    for changes in ({}, {"ckpt_path": "last", "trainer__max_epochs": 2}):
        changes = {"trainer__logger": "false", "trainer__enable_progress_bar": "true", **changes}
        assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 0
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {"config.yaml", "checkpoints", "panels", "model", "provenance.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
