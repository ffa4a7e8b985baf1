"""Metrics against values worked out by hand, and each rule of the protocol."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from test.training.judged import sums_of
from training.judging.baselines import MOST_MAPS, baselines_of, fit_baselines, maps_read
from training.metrics import (
    METRICS,
    DepthMetrics,
    TrueDepth,
    crop_bounds,
    metrics_of,
    pixel_sums,
    range_sums,
)

NAN, INF = math.nan, math.inf


def judge(prediction, truth, median_scaling=False) -> dict[str, float]:
    sums = sums_of(torch.tensor([[prediction]]), torch.tensor([[truth]]), "none", median_scaling)
    return dict(zip(METRICS, metrics_of(sums)[0].tolist(), strict=True))


def test_every_metric_by_hand():
    found = judge([2.0, 1.0, 4.0], [1.0, 1.0, 5.0])
    e = [math.log(2), 0.0, math.log(0.8)]
    mean_square, mean = sum(x * x for x in e) / 3, sum(e) / 3
    expected = {
        "d1": 1 / 3,  # ratios 2, 1 and exactly 1.25, which does not count
        "d2": 2 / 3,
        "d3": 2 / 3,
        "abs_rel": (1 + 0 + 0.2) / 3,
        "sq_rel": (1 + 0 + 0.2) / 3,
        "rmse": math.sqrt(2 / 3),
        "rmse_log": math.sqrt(mean_square),
        "log10": (math.log10(2) + math.log10(1.25)) / 3,
        "silog": 100 * math.sqrt(mean_square - mean**2),
    }
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_perfect_prediction():
    found = judge([1.0, 2.5, 9.0], [1.0, 2.5, 9.0])
    assert found == pytest.approx(dict.fromkeys(METRICS, 0.0) | {"d1": 1, "d2": 1, "d3": 1})


def test_prediction_is_clipped_and_never_nan():
    found = judge([NAN, INF, -INF, 99.0], [1e-2, 9.0, 1e-2, 9.0])
    assert found["abs_rel"] == pytest.approx((0.9 + 1 / 9 + 0.9 + 1 / 9) / 4, abs=1e-5)


def test_truth_outside_the_range_does_not_count():
    found = judge([1.0] * 7, [0.0, 1e-3, 10.0, 12.0, NAN, INF, 2.0])
    assert found["rmse"] == pytest.approx(1.0)


def test_median_scaling_uses_the_usual_median():
    found = judge([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], median_scaling=True)
    assert found["rmse"] == pytest.approx(0.0, abs=1e-9)
    found = judge([1.0, 2.0], [2.0, 3.0], median_scaling=True)  # medians 1.5 and 2.5
    assert found["rmse"] == pytest.approx(1 / 3)


def test_per_image_and_pooled_averages_differ():
    metrics = DepthMetrics()
    truth = torch.tensor([[[2.0, 2.0, 2.0]], [[2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])
    prediction = torch.tensor([[[2.0, 2.0, 2.0]], [[4.0, 9.0, 9.0]], [[1.0, 1.0, 1.0]]])
    metrics.update(pixel_sums(prediction[:1], truth[:1], "none"))
    metrics.update(pixel_sums(prediction[1:], truth[1:], "none"))
    found = metrics.compute()
    assert (found.pictures, found.without_valid) == (2, 1)
    assert found.per_image["abs_rel"] == pytest.approx(0.5)
    assert found.pooled["abs_rel"] == pytest.approx(0.25)
    assert found.per_image["d1"] == pytest.approx(0.5)
    assert found.pooled["d1"] == pytest.approx(0.75)
    assert found.pooled["rmse"] == pytest.approx(1.0)


def test_no_picture_with_a_valid_pixel():
    metrics = DepthMetrics()
    metrics.update(sums_of(torch.ones(2, 3, 4), torch.zeros(2, 3, 4), "none", True))
    found = metrics.compute()
    assert (found.pictures, found.without_valid) == (0, 2)
    assert all(math.isnan(value) for value in found.per_image.values())


def test_crops():
    assert crop_bounds("eigen", (480, 640)) == (45, 471, 41, 601)
    assert crop_bounds("garg", (480, 640)) == (195, 476, 23, 616)
    assert crop_bounds("none", (480, 640)) == (0, 480, 0, 640)
    assert crop_bounds("eigen", (240, 320)) == (22, 236, 20, 300)


def test_only_the_crop_counts():
    truth, prediction = torch.full((1, 480, 640), 2.0), torch.full((1, 480, 640), 9.0)
    prediction[:, 45:471, 41:601] = 2.0
    sums = pixel_sums(prediction, truth, "eigen")
    assert sums[0, 0] == 426 * 560
    assert metrics_of(sums)[0, METRICS.index("rmse")] == 0


def test_two_sizes_are_refused():
    with pytest.raises(ValueError, match="expected depth of shape"):
        pixel_sums(torch.ones(1, 2, 3), torch.ones(1, 3, 2))


def test_baselines_are_means_over_valid_readings():
    depths = [np.array([[1.0, 0.0, 0.0]], np.float32), np.array([[3.0, 5.0, 11.0]], np.float32)]
    baselines = fit_baselines(depths)
    assert baselines["mean depth"].predict((1, 3)).tolist() == [[[3.0] * 3]]
    assert baselines["mean depth per pixel"].predict((1, 3)).tolist() == [[[2.0, 5.0, 3.0]]]
    with pytest.raises(ValueError, match="no valid depth"):
        fit_baselines([np.zeros((2, 2), np.float32)])


class Ramp:
    """Walls at 1 to 5 metres, the later the farther; remembers which ones were read."""

    def __init__(self, count):
        self.count, self.read = count, []

    def __len__(self):
        return self.count

    def depth(self, item):
        self.read.append(item)
        return np.full((2, 2), 1 + 4 * item / (self.count - 1), np.float32)


def test_of_many_training_maps_an_even_part_is_read():
    few, many = Ramp(7), Ramp(24_231)
    for maps in (few, many):
        fixed = baselines_of(maps)["mean depth"]
        assert fixed.depth[0, 0].item() == pytest.approx(3.0, rel=1e-4)
        assert maps.read == maps_read(maps.count)
    assert few.read == list(range(7))
    assert len(set(many.read)) == MOST_MAPS
    assert set(np.diff(many.read)) == {12, 13}
    assert (many.read[0], many.read[-1]) == (0, 24_230)


def test_a_baseline_travels_once_for_each_size():
    fixed = fit_baselines([np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)])["mean depth per pixel"]

    def predicted(pictures: int, size: tuple[int, int]) -> torch.Tensor:
        batch = torch.zeros((pictures, 3, *size), dtype=torch.uint8)
        return fixed(batch, range(pictures), size).depths["-"]

    first, last, small = predicted(8, (4, 4)), predicted(3, (4, 4)), predicted(1, (2, 2))
    assert (first.shape, last.shape, small.shape) == ((8, 4, 4), (3, 4, 4), (1, 2, 2))
    assert first.data_ptr() == last.data_ptr()
    assert small.tolist() == [[[1.0, 2.0], [3.0, 4.0]]]


def test_sums_are_those_of_each_range_by_itself():
    """All ten terms at once against each range's own pixels."""
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.uniform(0.0, 11.0, (3, 4, 5)))
    prediction = torch.from_numpy(rng.uniform(0.0, 11.0, (3, 4, 5)))
    judged, edges = TrueDepth(truth, "none"), (1e-3, 2.0, 10.0)
    found = range_sums(judged.match(prediction), judged, judged.members(edges))
    assert found.shape == (3, 2, 10)
    for place, (near, far) in enumerate(((1e-3, 2.0), (2.0, 10.0))):
        alone = truth.float().where((truth > near) & (truth <= far), 0.0)
        torch.testing.assert_close(found[:, place], pixel_sums(prediction, alone, "none"))


def test_medians_are_of_the_pixels_that_have_a_truth():
    found = judge([1.0, 2.0, 3.0, 9.0, 9.0], [2.0, 4.0, 6.0, 0.0, 0.0], median_scaling=True)
    assert found["rmse"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("factor", [0.01, 1.5, 3.0, 20.0])
def test_median_scaling_comes_before_clipping(factor):
    """Whatever a predictor's unit: values above ten of them are not lost."""
    truth = [1.0, 2.0, 4.0, 8.0, 9.0]
    found = judge([factor * depth for depth in truth], truth, median_scaling=True)
    assert (found["abs_rel"], found["d1"]) == (pytest.approx(0, abs=1e-6), 1.0)


def test_what_median_scaling_takes_beyond_ten_metres_is_clipped():
    found = judge([1.0, 2.0, 8.0], [2.0, 4.0, 9.0], median_scaling=True)  # 2, 4 and 16
    assert found["rmse"] == pytest.approx((1 / 3) ** 0.5)
