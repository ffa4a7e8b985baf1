"""What the running node makes of its live parameters."""

import dataclasses

import numpy as np
import pytest

from demo.messages import read_cloud, read_depth
from moa_depth_ros.camera import NYU_KINECT
from test.node.harness import CAMERA, colourful


@pytest.fixture
def change(set_parameter):
    """Sets parameters for one test, then puts back what was there."""
    from moa_depth_ros.ros.parameters import TABLE

    defaults = {row.name: row.default for row in TABLE}
    changed = []

    def call(name, value):
        result = set_parameter(name, value)
        assert result.successful, result.reason
        changed.append(name)

    yield call
    for name in reversed(changed):
        assert set_parameter(name, defaults[name]).successful


def depth_of(robot):
    return read_depth(robot.answer("depth", robot.send(colourful())))


def test_scale_by_focal_length_can_be_switched_off(robot, change, depth_node):
    robot.send_info(dataclasses.replace(CAMERA, fx=3 * CAMERA.fx, fy=3 * CAMERA.fy))
    scaled = depth_of(robot)
    change("scale_by_focal_length", False)
    plain = depth_of(robot)
    ratio = 3 * CAMERA.focal_ratio(NYU_KINECT)
    np.testing.assert_allclose(scaled, ratio * plain, rtol=1e-4)
    robot.until(lambda: "depth is not scaled, as asked" in depth_node.log(), "the log's line")
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
