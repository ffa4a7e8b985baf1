"""A run whose steps are replayed reaches the same weights as one whose steps are not."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from moa_depth_ros.network import load_network
from test.training.tiny_runs import arguments, write_pictures
from training import graphed_step, module, train
from training.compilation import check_compilation
from training.errors import TrainingError

GRAPHED = {"model__compile": "cuda-graph"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "expected a GPU for cuda-graph, found none"),
        ({"trainer__accumulate_grad_batches": 2}, "expected default, because trainer.accumulate"),
    ],
)
def test_where_there_are_no_graphs(tmp_path, write_nyu, tiny_clip, capsys, changes, says):
    data = write_pictures(tmp_path / "data", write_nyu)
    command = arguments(data, tmp_path / "run", tiny_clip, **GRAPHED, **changes)
    assert train.main(command) == 1
    assert f"error: model.compile: {says}" in capsys.readouterr().err


def test_no_graphs_with_a_scaler_of_gradients():
    trainer = Mock(accumulate_grad_batches=1, world_size=1, precision="16-mixed")
    with pytest.raises(TrainingError, match=r"a precision other than 16-mixed .* found 1 and 16"):
        check_compilation("cuda-graph", trainer)


class Stream:
    """As much of a stream as can be seen on a CPU."""

    def wait_stream(self, other: Stream) -> None:
        pass

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def rerun(monkeypatch):
    """In place of graphs, without a GPU: each replay runs the function again. Like a graph, it
    writes gradients where they were, whatever they were."""

    def captured(function, stream, pool):
        step = function.__self__

        def replay():
            for parameter in step._parameters:
                if parameter.grad is not None:  # it has no part in the loss
                    parameter.grad.zero_()
            function()

        function()
        return replay

    monkeypatch.setattr(graphed_step, "captured", captured)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 0))
    monkeypatch.setattr(module, "check_compilation", lambda mode, trainer: None)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_network(run / "model")[0].state_dict()


@pytest.mark.parametrize("changes", [{}, {"trainer__gradient_clip_val": 0.5}])
def test_the_order_of_a_step_is_kept(tmp_path, write_nyu, tiny_clip, rerun, changes):
    """Three batches an epoch, two epochs: loss, gradients, check, clipping, step."""
    data = write_pictures(tmp_path / "data", write_nyu)
    for name, compiled in (("plain", {}), ("graphed", GRAPHED)):
        options = {"trainer__max_epochs": 2, **compiled, **changes}
        assert train.main(arguments(data, tmp_path / name, tiny_clip, **options)) == 0
    expected, found = weights(tmp_path / "plain"), weights(tmp_path / "graphed")
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_bad_loss_still_ends_the_run(tmp_path, write_nyu, tiny_clip, rerun, capsys):
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__optimiser__lr": 1e30, "trainer__max_epochs": 3}
    assert train.main(arguments(data, tmp_path / "run", tiny_clip, **GRAPHED, **changes)) == 1
    assert "error: the loss is not finite" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_real_graphs_train_to_the_same_weights(tmp_path, write_nyu, tiny_clip):
    """Batches of four, of which an epoch's last has two images."""
    data = write_pictures(tmp_path / "data", write_nyu)
    for name, compiled in (("plain", {}), ("graphed", GRAPHED)):
        options = {
            "trainer__accelerator": "gpu",
            "trainer__precision": "32-true",
            "trainer__max_epochs": 2,
            "data__batch_size": 4,
            **compiled,
        }
        assert train.main(arguments(data, tmp_path / name, tiny_clip, **options)) == 0
    expected, found = weights(tmp_path / "plain"), weights(tmp_path / "graphed")
    for name, value in expected.items():
        # Attention doesn't depend on the keys' bias: AdamW makes steps of its gradient's rounding.
        tolerance = 1e-2 if name.endswith("in_proj_bias") else 1e-4
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=tolerance)
