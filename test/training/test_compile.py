"""A compiled run reaches the same weights as one that is not, under the same names."""

from __future__ import annotations

import csv
import functools

import pytest
import torch

from moa_depth_ros.network import load_network
from test.training.tiny_runs import arguments, write_pictures
from training import train


def test_graphs_do_not_add_up_gradients(tmp_path, write_nyu, tiny_clip, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__compile": "reduce-overhead", "trainer__accumulate_grad_batches": 2}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 1
    said = capsys.readouterr().err
    assert "error: model.compile: expected default" in said
    assert "found reduce-overhead" in said


@pytest.fixture
def captured(monkeypatch):
    """What is captured for compilation, then run uncompiled: a real compiler takes minutes."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compile_in_place = functools.partialmethod(torch.nn.Module.compile, backend=backend)
    monkeypatch.setattr(torch.nn.Module, "compile", compile_in_place)
    yield graphs
    torch._dynamo.reset()


def test_the_compiler_is_told_the_mode(tmp_path, monkeypatch, write_nyu, tiny_clip):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: asked.append(options))
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__compile": "max-autotune", "trainer__limit_val_batches": 0}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **changes)) == 0
    assert asked == [{"mode": "max-autotune"}]


def test_a_compiled_run(tmp_path, write_nyu, tiny_clip, captured):
    """Its checkpoint resumes without compilation, and its validation still sees the gates."""
    data = write_pictures(tmp_path / "data", write_nyu)
    plain = arguments(data, tmp_path / "plain", tiny_clip, trainer__max_epochs=2)
    assert train.main(plain) == 0
    assert not captured
    run = tmp_path / "compiled"
    assert train.main(arguments(data, run, tiny_clip, model__compile="default")) == 0
    assert len(captured) == 1  # the whole network, for training only
    with next(run.glob("logs/*/csv/metrics.csv")).open() as file:
        entropies = [row["gates/2/entropy"] for row in csv.DictReader(file) if row["val/loss"]]
    assert [0 < float(value) < 2 for value in entropies] == [True]
    resumed = {"ckpt_path": "last", "trainer__max_epochs": 2}
    assert train.main(arguments(data, run, tiny_clip, **resumed)) == 0
    expected = load_network(tmp_path / "plain" / "model")[0].state_dict()
    found = load_network(run / "model")[0].state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_the_last_batch_of_an_epoch_is_not_compiled_anew(tmp_path, write_nyu, tiny_clip, captured):
    """Two images in a batch of four: the padding changes nothing."""
    data = write_pictures(tmp_path / "data", write_nyu)
    losses = {}
    for name, changes in (("plain", {}), ("compiled", {"model__compile": "default"})):
        changes = {"data__batch_size": 4, "trainer__limit_val_batches": 0, **changes}
        assert train.main(arguments(data, tmp_path / name, tiny_clip, **changes)) == 0
        with next((tmp_path / name).glob("logs/*/csv/metrics.csv")).open() as file:
            rows = [row for row in csv.DictReader(file) if row["train/loss_epoch"]]
        losses[name] = float(rows[-1]["train/loss_epoch"])
    assert len(captured) == 1
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-4)
