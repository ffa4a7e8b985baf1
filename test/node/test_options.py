"""What the running node does with parameters that change at runtime."""

import dataclasses

import numpy as np
import pytest

from demo.messages import read_cloud, read_depth
from moa_depth_ros.intrinsics import NYU_KINECT
from test.node.harness import CAMERA, colourful


def depth_of(robot):
    return read_depth(robot.answer("depth", robot.send(colourful())))


def test_scale_by_focal_length_can_be_switched_off(robot, change, depth_node):
    robot.send_info(dataclasses.replace(CAMERA, fx=3 * CAMERA.fx, fy=3 * CAMERA.fy))
    scaled = depth_of(robot)
    change("scale_by_focal_length", False)
    plain = depth_of(robot)
    ratio = 3 * CAMERA.focal_ratio(NYU_KINECT)
    np.testing.assert_allclose(scaled, ratio * plain, rtol=1e-4)
    while "depth is not scaled, as asked" not in depth_node.log():
        depth_of(robot)  # the previous line may have been logged a moment ago
    assert robot.status()[1]["focal length scale"] == "1.000"


def test_depth_limits_hold_for_depth_and_cloud_alike(robot, change):
    robot.send_info()
    free = depth_of(robot)
    low, high = (float(value) for value in np.quantile(free, (0.25, 0.75)))
    change("max_depth", high)
    change("min_depth", low)
    stamp = robot.send(colourful())
    depth = read_depth(robot.answer("depth", stamp))
    inside = (free > low + 1e-3) & (free < high - 1e-3)
    outside = (free < low - 1e-3) | (free > high + 1e-3)
    assert np.isfinite(depth[inside]).all()
    assert np.isnan(depth[outside]).all()
    points, _ = read_cloud(robot.answer("points", stamp))
    np.testing.assert_array_equal(points[..., 2], depth)
    uncertainty = read_depth(robot.answer("uncertainty", stamp))
    assert np.isfinite(uncertainty).all()
    change("depth_encoding", "16UC1")
    millimetres = read_depth(robot.answer("depth", robot.send(colourful())))
    assert (millimetres[outside] == 0).all()
    assert (millimetres[inside] > 0).all()


def test_smoothing_is_off_by_default_and_lets_a_change_of_the_scene_through(robot, change):
    """Two images whose depths differ by more than the threshold in some pixels only."""
    robot.send_info()

    def show(seed):
        return read_depth(robot.answer("depth", robot.send(colourful(seed=seed))))

    first, second = show(0), show(1)
    np.testing.assert_array_equal(show(0), first)  # off: earlier images don't count
    changes = np.abs(np.log(second / first))
    limit = float(np.expm1(np.median(changes)))
    change("smoothing", 0.5)
    change("smoothing_max_change", limit)
    show(0)
    smooth = show(1)
    moved = changes > np.median(changes) + 1e-3
    still = changes < np.median(changes) - 1e-3
    np.testing.assert_allclose(smooth[moved], second[moved], rtol=1e-5)
    np.testing.assert_allclose(smooth[still], np.sqrt(first * second)[still], rtol=1e-4)


def test_what_the_network_is_unsure_of_can_be_dropped(robot, change):
    robot.send_info()
    stamp = robot.send(colourful())
    uncertainty = read_depth(robot.answer("uncertainty", stamp))
    limit = float(np.median(uncertainty))
    change("max_uncertainty", limit)
    depth = depth_of(robot)
    assert np.isnan(depth[uncertainty > limit + 1e-4]).all()
    assert np.isfinite(depth[uncertainty < limit - 1e-4]).all()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("min_depth", -1.0, "min_depth out of range Min: 0.0, Max: 1000.0, value: -1.0"),
        ("min_depth", -1, "min_depth: expected a number from 0 to 1000; found '-1'"),
        ("max_depth", True, "max_depth: expected a number from 0 to 1000; found 'True'"),
        ("max_depth", "far", "max_depth: expected a number from 0 to 1000; found 'far'"),
        ("max_uncertainty", float("nan"), "max_uncertainty out of range"),
        ("max_depth", 2.0, "min_depth < max_depth (0: no limit), found 3 m and 2 m"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_the_reason(
    set_parameter, change, name, value, says
):
    change("min_depth", 3.0)
    result = set_parameter(name, value)
    assert not result.successful
    assert says in result.reason


def test_a_whole_number_will_do_for_metres(robot, change):
    change("min_depth", 1000)
    msg = robot.answer("depth", robot.send(colourful()))
    assert np.isnan(read_depth(msg)).all()


def test_the_cloud_can_be_thinned_and_lose_its_colour(robot, change):
    robot.send_info()
    full = robot.answer("points", robot.send(colourful()))
    change("cloud_stride", 4)
    strided = robot.answer("points", robot.send(colourful()))
    assert (strided.height, strided.width) == (16, 24)
    np.testing.assert_allclose(
        read_cloud(strided)[0], read_cloud(full)[0][::4, ::4], rtol=1e-4, atol=1e-4
    )
    change("cloud_voxel_size", 1.0)
    change("cloud_max_edge_ratio", 0.5)
    voxels = robot.answer("points", robot.send(colourful()))
    assert (voxels.height, voxels.is_dense) == (1, True)
    assert 0 < voxels.width < 16 * 24
    change("cloud_colour", False)
    assert robot.answer("points", robot.send(colourful())).point_step == 12


def test_a_voxel_size_that_no_grid_can_hold_is_refused(set_parameter):
    result = set_parameter("cloud_voxel_size", 1e-5)
    assert not result.successful
    assert result.reason == "cloud_voxel_size: expected 0 or at least 0.001 m, found 1e-05 m"
