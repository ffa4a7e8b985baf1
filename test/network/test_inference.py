"""What a robot runs gives the same results as training and evaluation."""

import os
import subprocess
import sys
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from moa_depth_ros.network import InferenceNetwork, MoADepthClip
from moa_depth_ros.network.bins import DepthBins
from moa_depth_ros.network.fused_decoding import FusedDecoder
from test.network.plain_decoding import CASES, make_cells, plain
from test.network.tiny import INPUT_SIZE, tiny_config

ROOT = Path(__file__).resolve().parents[2]
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def test_equals_the_network_it_was_made_of(network):
    with torch.no_grad():
        network.context.normal_()
        network.classification.linear.weight.normal_(std=0.5)
        network.regression.linear.weight.normal_(std=0.5)
        pictures = torch.rand(2, 3, *INPUT_SIZE)
        expected = network.decode(network(pictures))
        found = InferenceNetwork(deepcopy(network))(255 * pictures)
    torch.testing.assert_close(found[:, 0], expected.depth, **CLOSE)
    torch.testing.assert_close(found[:, 1], expected.uncertainty, rtol=1e-3, atol=1e-3)


def test_the_context_counts(network):
    pictures = 255 * torch.rand(1, 3, *INPUT_SIZE)
    other = deepcopy(network)
    other.context += 5.0
    assert not torch.allclose(
        InferenceNetwork(network)(pictures), InferenceNetwork(other)(pictures)
    )


def test_runs_in_lower_precision_and_answers_in_float32(network):
    pictures = 255 * torch.rand(1, 3, *INPUT_SIZE)
    expected = InferenceNetwork(deepcopy(network))(pictures)
    found = InferenceNetwork(network, torch.bfloat16)(pictures)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stripe", [1, 1000, 2**18])
def test_stripes_equal_the_plain_path(monkeypatch, case, stripe):
    """Stripes of less than a row, of some rows, of everything."""
    monkeypatch.setattr("moa_depth_ros.network.fused_decoding.STRIPE_VALUES", stripe)
    cells, bins, grid, size = make_cells(case)
    found = FusedDecoder(bins, grid, size, 10.0)(cells)
    torch.testing.assert_close(found, plain(cells, bins, grid, size), **CLOSE)


def test_confident_cells_that_disagree_stay_finite():
    """Between two cells that are sure of different bins, every logit is far below either maximum:
    subtracting the cells' own maxima would leave nothing but zeros there."""
    cells = torch.full((1, 2, 3), -1e4)
    cells[0, 0, 0] = cells[0, 1, 1] = 0.0
    cells[..., 2] = 0.0
    bins = DepthBins(2, "uniform", 1.0, 3.0)
    depth, spread = FusedDecoder(bins, (1, 2), (1, 8), 10.0)(cells)[0, :, 0]
    left, right = (1.5 + 5) / 2, (2.5 + 5) / 2
    torch.testing.assert_close(depth, torch.tensor([left] * 4 + [right] * 4))
    assert torch.isfinite(spread).all()


@pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton")
def test_the_cuda_kernel_equals_the_plain_path():
    """Run by Triton's interpreter, on a CPU; in a process of its own, because the interpreter is
    chosen when Triton is first imported."""
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "test.network.plain_decoding"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.split() == [*CASES, "equal"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("case", CASES)
def test_cuda_equals_the_plain_path(case, caplog):
    cells, bins, grid, size = make_cells(case)
    found = FusedDecoder(bins, grid, size, 10.0).cuda()(cells.cuda()).cpu()
    assert not caplog.records  # of a kernel that PyTorch had to stand in for
    torch.testing.assert_close(found, plain(cells, bins, grid, size), rtol=1e-3, atol=1e-3)


def test_a_device_without_a_compiler_is_served_by_pytorch(monkeypatch, caplog):
    """Here: a CPU, for which Triton has no driver."""
    cells, bins, grid, size = make_cells(next(iter(CASES)))
    decoder = FusedDecoder(bins, grid, size, 10.0)
    assert decoder._decode_by_kernel(cells) is None
    assert not decoder._has_kernel
    assert "Depth is decoded by PyTorch" in caplog.text


def test_the_papers_network_folds(paper_network):
    inference = InferenceNetwork(deepcopy(paper_network))
    assert inference.heads.weight.shape == (129, 768)
    assert not any(parameter.requires_grad for parameter in inference.parameters())


@pytest.mark.parametrize("fused", [False, True])
def test_a_cell_that_is_sure_of_its_bin_has_no_uncertainty_and_no_nan(fused):
    """mean(x^2) - mean(x)^2 is slightly below 0 there, because of rounding."""
    bins = DepthBins(128, "uniform", 1e-3, 10.0)
    noise = torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    logits = 20 * torch.eye(128) + noise  # each cell is sure of a different bin
    if fused:
        cells = torch.cat([logits, torch.zeros(128, 1)], dim=1).unsqueeze(0)
        spread = FusedDecoder(bins, (8, 16), (8, 16), 10.0)(cells)[0, 1]
    else:
        spread = bins.expectation(logits.T.view(1, 128, 8, 16))[1]
    assert torch.isfinite(spread).all()
    assert spread.max() < 0.1


def test_want_of_memory_is_not_want_of_a_kernel(monkeypatch):
    """It says nothing about the next time."""
    pytest.importorskip("triton")
    from moa_depth_ros.network import fused_decoding_cuda

    def decode(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fused_decoding_cuda, "decode", decode)
    cells, bins, grid, size = make_cells(next(iter(CASES)))
    decoder = FusedDecoder(bins, grid, size, 10.0)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        decoder._decode_by_kernel(cells)
    assert decoder._has_kernel


def test_the_farthest_depth_is_the_configurations(tmp_path):
    """Not the paper's 10 m."""
    torch.manual_seed(0)
    network = MoADepthClip(tiny_config(tmp_path, max_depth=80.0)).eval()
    pictures = torch.rand(1, 3, *INPUT_SIZE)
    with torch.no_grad():
        cells = network(pictures)
        expected = network.decode(cells)
        found = InferenceNetwork(deepcopy(network))(255 * pictures)
    regression = F.interpolate(cells.regression, INPUT_SIZE, mode="bilinear")[:, 0]
    torch.testing.assert_close(expected.regressed, 80 * regression.sigmoid(), **CLOSE)
    torch.testing.assert_close(found[:, 0], expected.depth, **CLOSE)
