"""Which depths are kept."""

import numpy as np
import pytest
import torch

from demo.processes import ROOT
from moa_depth_ros.depth.filters import DepthLimits, drop_edges, keep_readings
from moa_depth_ros.estimator import DEMO_MODEL, DepthEstimator
from moa_depth_ros.pictures.files import read_picture

NAN = torch.nan


def kept(depth, uncertainty=None, unseen=None, **limits):
    depth = torch.tensor([depth])
    uncertainty = torch.zeros_like(depth) if uncertainty is None else torch.tensor([uncertainty])
    return keep_readings(depth, uncertainty, DepthLimits(**limits), unseen)[0].tolist()


def test_no_limits_keep_everything_as_it_is():
    depth = torch.tensor([[0.1, 80.0, NAN]])
    assert keep_readings(depth, depth, DepthLimits()) is depth


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"min_depth": 1.0}, [NAN, 1.0, 2.0, 5.0]),
        ({"max_depth": 2.0}, [0.5, 1.0, 2.0, NAN]),
        ({"min_depth": 1.0, "max_depth": 2.0}, [NAN, 1.0, 2.0, NAN]),
    ],
)
def test_what_is_too_near_or_too_far_is_dropped_and_the_limits_stay(limits, expected):
    np.testing.assert_array_equal(kept([0.5, 1.0, 2.0, 5.0], **limits), expected)


def test_what_the_network_is_unsure_of_is_dropped():
    result = kept([1.0, 2.0, 3.0], uncertainty=[0.25, 0.26, NAN], max_uncertainty=0.25)
    np.testing.assert_array_equal(result, [1.0, NAN, NAN])


def test_what_the_camera_did_not_see_is_dropped():
    result = kept([1.0, 2.0], unseen=torch.tensor([[False, True]]))
    np.testing.assert_array_equal(result, [1.0, NAN])


def test_tensors_of_inference_mode_are_left_alone():
    with torch.inference_mode():
        depth = torch.tensor([[1.0, 9.0]])
    result = keep_readings(depth, depth, DepthLimits(max_depth=5.0))
    np.testing.assert_array_equal(result, [[1.0, NAN]])
    assert depth.tolist() == [[1.0, 9.0]]


def test_contradicting_limits_say_so():
    assert DepthLimits(min_depth=3.0).contradiction() is None
    assert DepthLimits(min_depth=1.0, max_depth=2.0).contradiction() is None
    reason = DepthLimits(min_depth=2.0, max_depth=2.0).contradiction()
    assert reason == "expected min_depth < max_depth (0: no limit), found 2 m and 2 m"


def test_both_sides_of_a_step_are_dropped_and_slopes_stay():
    depth = torch.tensor([[1.0, 1.05, 1.1, 3.0, 3.1], [1.0, 1.05, 1.1, 1.15, NAN]])
    expected = [[1.0, 1.05, NAN, NAN, 3.1], [1.0, 1.05, 1.1, NAN, NAN]]
    result = drop_edges(depth, 0.1)
    np.testing.assert_array_equal(result, torch.tensor(expected))
    assert depth[0, 2].item() == pytest.approx(1.1)


def test_an_edge_that_is_spread_over_many_pixels_is_one():
    """From 1 m to 3 m over 40 pixels: at most 5 % from pixel to pixel."""
    row = torch.cat([torch.ones(40), torch.linspace(1, 3, 40), torch.full((40,), 3.0)])
    depth = row.expand(30, 120)
    assert not drop_edges(depth, 0.1).isnan().any()
    for dropped in (drop_edges(depth, 0.1, (9, 20)), drop_edges(depth.T, 0.1, (20, 9)).T):
        assert dropped[:, 40:80].isnan().all()
        assert not dropped[:, :30].isnan().any() and not dropped[:, 90:].isnan().any()


def test_an_edge_stays_one_where_limits_took_the_wall_behind(reach=(9, 20)):
    row = torch.cat([torch.ones(40), torch.linspace(1, 3, 40), torch.full((40,), 3.0)])
    whole = row.expand(30, 120)
    limited = torch.where(whole <= 1.5, whole, NAN)
    assert not drop_edges(limited, 0.1, reach)[:, 40:45].isnan().any()  # these would be left
    dropped = drop_edges(limited, 0.1, reach, whole)
    assert dropped[:, 40:].isnan().all()
    assert not dropped[:, :30].isnan().any()


def test_what_a_network_makes_of_rooms_has_edges():
    """Its cells are 53 pixels wide: neighbouring pixels differ by at most a few percent."""
    estimator = DepthEstimator(DEMO_MODEL, "cpu")
    assert estimator.half_a_cell(480, 640) == (27, 27)
    for path in sorted((ROOT / "config" / "pictures").glob("*.jpg")):
        depth = estimator.estimate(read_picture(path)).depth
        assert not drop_edges(depth, 0.05).isnan().any()
        assert 0.02 < drop_edges(depth, 0.15, (27, 27)).isnan().float().mean() < 0.3


def test_a_single_row_or_column_has_neighbours_one_way_only():
    assert drop_edges(torch.tensor([[1.0]]), 0.1).tolist() == [[1.0]]
    assert drop_edges(torch.tensor([[1.0], [2.0]]), 0.1).isnan().all()


def test_a_step_is_relative_to_the_nearer_depth():
    assert drop_edges(torch.tensor([[1.0, 1.105]]), 0.1).isnan().all()  # 0.095 of the farther one
