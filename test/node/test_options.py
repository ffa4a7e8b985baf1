"""What the running node makes of its live parameters."""

import dataclasses

import numpy as np
import pytest

from demo.messages import read_depth
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
