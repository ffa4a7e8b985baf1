"""The optimiser, its schedule and the precision."""

from __future__ import annotations

import csv

import pytest
import torch

from test.training.tiny_runs import arguments, write_pictures
from training import train
from training.checkpoints import AtomicCheckpointIO, newest
from training.optimiser import one_cycle
from training.precision import default_precision


def test_one_cycle_rises_then_falls_to_nothing():
    factors = [one_cycle(step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.2)
    assert factors[4:6] == pytest.approx([1.0, 1.0])
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert factors[-1] == pytest.approx(0.0, abs=1e-9)
    assert one_cycle(0, 1) == 1.0


def test_mixed_precision_leaves_weights_in_float32(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"trainer__precision": "bf16-mixed"}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 0
    checkpoint = AtomicCheckpointIO().load_checkpoint(newest(tmp_path / "checkpoints"))
    weights = [value for name, value in checkpoint["state_dict"].items() if "network." in name]
    assert {value.dtype for value in weights} == {torch.float32}


@pytest.mark.parametrize(
    ("accelerator", "gpu", "bf16", "expected"),
    [
        ("auto", True, True, "bf16-mixed"),
        ("gpu", True, True, "bf16-mixed"),
        ("cpu", True, True, "32-true"),
        ("auto", True, False, "32-true"),
        ("auto", False, False, "32-true"),
    ],
)
def test_bfloat16_where_a_gpu_has_it(monkeypatch, accelerator, gpu, bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    assert default_precision(accelerator) == expected


def test_the_optimiser_is_the_configurations(tmp_path, write_nyu, tiny_clip):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"optimiser__schedule": "one_cycle", "optimiser__weight_decay": 0.25}
    changes = {f"model__{key}": value for key, value in changes.items()} | {
        "trainer__max_epochs": 2
    }
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 0
    with next((tmp_path / "run").glob("logs/*/csv/metrics.csv")).open() as file:
        rates = [float(row["lr-AdamW"]) for row in csv.DictReader(file) if row["lr-AdamW"]]
    assert rates == pytest.approx([1e-3 * one_cycle(step, 6) for step in range(6)])
    checkpoint = AtomicCheckpointIO().load_checkpoint(newest(tmp_path / "run" / "checkpoints"))
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["weight_decay"] == 0.25


def test_a_schedule_wants_an_end(tmp_path, write_nyu, tiny_clip, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__optimiser__schedule": "one_cycle", "trainer__max_epochs": -1}
    assert train.main(arguments(data, tmp_path, tiny_clip, **changes)) == 1
    said = "error: trainer.max_epochs: expected a number of epochs, because one_cycle ends"
    assert said in capsys.readouterr().err
