"""What holds for losses and metrics whatever the maps: any mask, any shape, any depth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from test.training.judged import sums_of
from training.judging.calibration import CalibrationCounts
from training.judging.judgement import RANGE_EDGES
from training.losses import LossConfig, composite_loss
from training.metrics import METRICS, DepthMetrics, TrueDepth, metrics_of, pixel_sums, range_sums

NAN, INF = math.nan, math.inf
EXTREMES = [0.0, -0.0, 1e-45, 1e-38, 1e-3, 1.0000001e-3, 0.7, 9.999999, 10.0, 3e38, -2.0]
depths = st.sampled_from([*EXTREMES, NAN, INF, -INF]) | st.floats(0.0078125, 10, width=32)
uncertainties = st.sampled_from([0.0, 1e-30, 0.1, 50.0, NAN, INF])
crops = st.sampled_from(["eigen", "garg", "none"])
shapes = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5)
ERRORS = [METRICS.index(name) for name in METRICS if name not in ("d1", "d2", "d3")]


@st.composite
def maps(draw, *elements):
    """Tensors (B, H, W) of one shape, one for each strategy of their elements."""
    shape = draw(shapes)
    return [torch.from_numpy(draw(arrays(np.float32, shape, elements=e))) for e in elements]


@settings(deadline=None)
@given(maps(depths, depths), crops, st.booleans())
def test_metrics_are_finite_and_in_range_wherever_a_pixel_is_valid(pair, crop, scaled):
    sums = sums_of(*pair, crop, scaled)
    assert torch.isfinite(sums).all()
    metrics = metrics_of(sums)
    filled = sums[:, 0] > 0
    assert metrics[~filled].isnan().all()
    assert torch.isfinite(metrics[filled]).all()
    assert (metrics[filled][:, ERRORS] >= 0).all()
    deltas = metrics[filled][:, :3]
    assert ((deltas >= 0) & (deltas <= 1)).all()
    assert (deltas.diff(dim=1) >= 0).all()


@settings(deadline=None)
@given(maps(depths, depths), crops, st.booleans())
def test_a_picture_is_judged_the_same_in_any_batch(pair, crop, scaled):
    together = sums_of(*pair, crop, scaled)
    for place, picture in enumerate(zip(*pair, strict=True)):
        alone = sums_of(*(values.unsqueeze(0) for values in picture), crop, scaled)[0]
        assert alone.tolist() == pytest.approx(together[place].tolist(), rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(maps(depths, depths), crops)
def test_ranges_of_depth_have_each_valid_pixel_once(pair, crop):
    prediction, depth = pair
    truth = TrueDepth(depth, crop)
    by_range = range_sums(truth.match(prediction), truth, truth.members(RANGE_EDGES))
    expected = pixel_sums(prediction, depth, crop)
    assert by_range[..., 0].sum() == truth.valid.sum()
    torch.testing.assert_close(by_range.sum(dim=1), expected)


@settings(deadline=None)
@given(maps(depths, depths), crops, st.booleans())
def test_averages_are_those_of_the_pictures_that_have_a_valid_pixel(pair, crop, scaled):
    sums, metrics = sums_of(*pair, crop, scaled), DepthMetrics()
    metrics.update(sums)
    found, filled = metrics.compute(), sums[:, 0] > 0
    assert (found.pictures, found.without_valid) == (filled.sum(), (~filled).sum())
    if filled.any():
        expected = metrics_of(sums[filled]).mean(dim=0).tolist()
        assert list(found.per_image.values()) == pytest.approx(expected, nan_ok=False)
        assert all(value >= 0 for value in found.pooled.values())


@settings(deadline=None)
@given(maps(depths, depths, uncertainties), crops)
def test_calibration_is_finite_and_in_range(maps_of_one_shape, crop):
    prediction, depth, unsure = maps_of_one_shape
    truth, counts = TrueDepth(depth, crop), CalibrationCounts(torch.device("cpu"))
    counts.add(truth.match(unsure), truth.match(prediction) - truth.depth, truth.valid)
    found = counts.compute()
    assert (found is None) == (not truth.valid.any())
    if found is not None:
        for values in (found.predicted, found.found, found.rmse, found.oracle, found.share):
            assert np.isfinite(values).all()
            assert (values >= 0).all()
        assert found.spearman is None or abs(found.spearman) <= 1 + 1e-9
        assert found.ence >= 0


@settings(deadline=None)
@given(
    maps(depths, st.sampled_from([0.0, 1e-38, 1e-3, 2.5, 10.0])),
    st.sampled_from(["paper", "literature"]),
    st.sampled_from([0.0, 1.0, 1e4]),
    st.integers(1, 5),
)
def test_losses_and_their_gradients_are_finite(pair, form, scale, bins):
    depth, regressed = pair
    regressed.requires_grad_()
    batch, height, width = depth.shape
    logits = torch.linspace(-scale, scale, batch * bins * height * width)
    logits = logits.view(batch, bins, height, width).requires_grad_()
    labels = torch.arange(depth.numel()).view(depth.shape) % bins
    terms = composite_loss(logits, regressed, depth, labels, 10.0, LossConfig(silog_form=form))
    terms.total.backward()
    assert all(torch.isfinite(term) and term >= 0 for term in terms)
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(regressed.grad).all()
