"""CUDA graphs, compared with the functions that they were captured from."""

import numpy as np
import pytest
import torch

from moa_depth_ros.estimator import DEMO_MODEL, DepthEstimator
from moa_depth_ros.estimator.cuda_graph import CAPACITY, CudaGraphs

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Doubler:
    """Counts how often it was run rather than replayed."""

    def __init__(self):
        self.runs = 0

    def __call__(self, values, offset):
        self.runs += 1
        return values * 2 + offset


@needs_cuda
@torch.inference_mode()
def test_new_values_are_seen_and_old_results_stay():
    graphs = CudaGraphs(Doubler())
    offset = torch.full((1,), 1.0, device="cuda")
    inputs = [torch.full((3, 4), float(value), device="cuda") for value in range(5)]
    results = [graphs(values, offset) for values in inputs]
    assert [result.unique().item() for result in results] == [1, 3, 5, 7, 9]


@needs_cuda
@torch.inference_mode()
def test_a_known_size_is_replayed_and_a_forgotten_one_captured_again():
    function = Doubler()
    graphs = CudaGraphs(function)
    offset = torch.zeros(1, device="cuda")

    def run(size):
        before = function.runs
        assert graphs(torch.ones(size, device="cuda"), offset).shape == (size,)
        return function.runs > before

    assert [run(size) for size in range(1, CAPACITY + 1)] == [True] * CAPACITY
    assert not run(1)
    assert run(CAPACITY + 1)  # replaces 2, the one unused for longest
    assert not run(1)
    assert run(2)


@needs_cuda
@torch.inference_mode()
def test_strided_inputs_of_one_shape_share_a_graph():
    function = Doubler()
    graphs = CudaGraphs(function)
    offset = torch.zeros(1, device="cuda")
    graphs(torch.ones(2, 3, device="cuda"), offset)
    runs = function.runs
    strided = torch.arange(6.0, device="cuda").view(3, 2).T
    assert torch.equal(graphs(strided, offset), strided * 2)
    assert function.runs == runs


def test_what_can_not_be_captured_is_run_as_it_is_and_said_once(monkeypatch, caplog):
    """Here: tensors on a CPU."""
    captures = refuse_captures(monkeypatch, RuntimeError("operation not permitted when capturing"))
    graphs = CudaGraphs(Doubler())
    for size in (3, 3, 4):
        assert torch.equal(graphs(torch.ones(size), torch.ones(1)), torch.full((size,), 3.0))
    assert len(captures) == 1
    assert caplog.text.count("operation not permitted when capturing") == 1


@needs_cuda
@torch.inference_mode()
def test_a_capture_that_failed_leaves_the_device_usable(caplog):
    def waits_for_the_device(values, offset):
        return values * 2 + offset.item()

    values, offset = torch.ones(3, device="cuda"), torch.ones(1, device="cuda")
    assert CudaGraphs(waits_for_the_device)(values, offset).tolist() == [3, 3, 3]
    assert "operation by operation" in caplog.text
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    large = torch.ones(2**26, device="cuda")
    del large
    assert torch.cuda.memory_reserved() > before
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() == before


def test_want_of_memory_is_seen_behind_the_error_that_ends_a_capture(monkeypatch):
    error = RuntimeError("operation failed due to a previous error during capture")
    error.__context__ = torch.cuda.OutOfMemoryError("CUDA out of memory")
    refuse_captures(monkeypatch, error)
    with pytest.raises(RuntimeError, match="previous error"):
        CudaGraphs(Doubler())(torch.ones(3), torch.ones(1))


def test_a_capture_without_memory_is_the_callers_to_deal_with(monkeypatch):
    captures = refuse_captures(monkeypatch, torch.cuda.OutOfMemoryError("CUDA out of memory"))
    graphs = CudaGraphs(Doubler())
    for _ in range(2):
        with pytest.raises(torch.cuda.OutOfMemoryError):
            graphs(torch.ones(3), torch.ones(1))
    assert len(captures) == 2


def refuse_captures(monkeypatch, error):
    captures = []

    def capture(function, inputs):
        captures.append(inputs)
        raise error

    monkeypatch.setattr("moa_depth_ros.estimator.cuda_graph._Graph", capture)
    return captures


@pytest.fixture
def captures(monkeypatch):
    """The inputs that graphs were captured for; on a CPU, where nothing can be captured."""
    captured = []

    class Graph:
        def __init__(self, function, inputs):
            captured.append(inputs)
            self.replay = lambda inputs: function(*inputs)

    monkeypatch.setattr("moa_depth_ros.estimator.cuda_graph._Graph", Graph)
    return captured


def test_a_graph_is_of_the_shapes_and_types_of_all_inputs(captures):
    graphs, offset = CudaGraphs(Doubler()), torch.zeros(1)
    for inputs in (
        (torch.ones(3), offset),
        (torch.ones(4), offset),
        (torch.ones(3).byte(), offset),
        (torch.ones(3), torch.zeros(3)),
    ):
        for _ in range(2):
            assert torch.equal(graphs(*inputs), inputs[0] * 2 + inputs[1])
    assert len(captures) == 4


def test_the_graph_used_longest_ago_is_forgotten(captures):
    graphs = CudaGraphs(Doubler())

    def captured_for(size):
        before = len(captures)
        graphs(torch.ones(size), torch.zeros(1))
        return len(captures) > before

    assert all(captured_for(size) for size in range(1, CAPACITY + 1))
    assert not captured_for(1)
    assert captured_for(CAPACITY + 1)  # replaces 2
    assert not captured_for(1)
    assert not captured_for(3)
    assert captured_for(2)
    assert len(graphs._graphs) == CAPACITY


def test_an_estimator_lets_its_graphs_go_where_it_is_asked_to(captures):
    estimator = DepthEstimator(DEMO_MODEL, "cpu")
    estimator._maps = CudaGraphs(estimator._maps)
    picture = np.zeros((48, 64, 3), np.uint8)
    for count in (1, 1, 2):
        if count == 2:
            estimator.clear_graphs()
        estimator.estimate(picture)
        assert len(captures) == count
