"""Graphs against the functions that they were captured from."""

import pytest
import torch

from moa_depth_ros.estimator.cuda_graph import CAPACITY, CudaGraphs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Doubler:
    """Counts how often it was run and not replayed."""

    def __init__(self):
        self.runs = 0

    def __call__(self, values, offset):
        self.runs += 1
        return values * 2 + offset


@torch.inference_mode()
def test_new_values_are_seen_and_old_results_stay():
    graphs = CudaGraphs(Doubler())
    offset = torch.full((1,), 1.0, device="cuda")
    inputs = [torch.full((3, 4), float(value), device="cuda") for value in range(5)]
    results = [graphs(values, offset) for values in inputs]
    assert [result.unique().item() for result in results] == [1, 3, 5, 7, 9]


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
    assert run(CAPACITY + 1)  # in the place of 2, which was not used for longest
    assert not run(1)
    assert run(2)


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
