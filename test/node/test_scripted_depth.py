"""The node with an estimator whose depth and duration are up to the test."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from lifecycle_msgs.msg import State, Transition

from demo.messages import read_cloud
from moa_depth_ros.estimator import DepthEstimate, DepthEstimator
from moa_depth_ros.ros import depth_node as depth_node_module
from test.node.harness import CAMERA, Manager, Robot, colourful
from test.node.spinning import spinning_node

NAME = "/scripted/moa_depth"
NEAR, FAR = 1.5, 6.0
ERROR = b"\2"


class Scripted(DepthEstimator):
    """An object before a wall, with an edge as wide as a network's; or a device that hangs."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.runs = 0
        self.goes_on = threading.Event()
        self.goes_on.set()

    def estimate_batch(self, pictures):
        self.runs += 1
        assert self.goes_on.wait(60)
        return [self._estimate(picture.pixels) for picture in pictures]

    def _estimate(self, pixels):
        height, width = pixels.shape[:2]
        middle, half = width / 2, self.half_a_cell(height, width)[1]
        share = ((torch.arange(width) - middle) / (2 * half) + 0.5).clamp(0, 1)
        depth = (NEAR + (FAR - NEAR) * share).expand(height, width).contiguous()
        return DepthEstimate(depth, torch.zeros_like(depth), torch.from_numpy(pixels.copy()))


@pytest.fixture
def scripted(ros, tiny_model):
    made = []

    def make(*arguments):
        made.append(Scripted(*arguments))
        return made[0]

    with spinning_node(make, "/scripted", {"model": str(tiny_model), "device": "cpu"}):
        yield made[0]
        made[0].goes_on.set()


def robot(**options):
    return Robot("/scripted/image", "/scripted/camera_info", node=NAME, **options)


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("limit", [{}, {"max_depth": 3.0}, {"min_depth": 2.0}])
def test_points_in_the_air_stay_away_where_limits_take_one_side_of_the_edge(limit):
    with robot(listen=["points"]) as front:
        front.send_info()
        for name, value in {"cloud_max_edge_ratio": 0.15, **limit}.items():
            assert front.set_parameter(name, value).successful
        points, _ = read_cloud(front.answer("points", front.send(colourful())))
    z = points[..., 2]
    assert np.isfinite(z).mean() > 0.2
    assert not ((z > NEAR + 0.1) & (z < FAR - 0.5)).any()


def test_the_network_does_not_run_for_a_cloud_without_a_camera(scripted):
    with robot(listen=["points"]) as front:
        front.send(colourful())
        front.until(lambda: front.status()[1]["frames refused"] == "1", "the count")
        assert "No cloud or camera_info is published." in front.status()[1]["last error"]
        assert scripted.runs == 1  # the warm-up
        front.send_info(CAMERA)
        front.answer("points", front.send(colourful()))


def test_a_picture_that_hangs_holds_up_no_service(scripted, monkeypatch):
    monkeypatch.setattr(depth_node_module, "END_SECONDS", 0.3)
    with robot(listen=["depth"]) as front:
        manager = Manager(front, NAME)
        scripted.goes_on.clear()
        front.send(colourful())
        front.until(lambda: scripted.runs == 2, "the picture to be at work")
        assert manager.change(Transition.TRANSITION_DEACTIVATE)
        assert (ERROR, "An image is still being processed.") in front.status()[0]
        assert not manager.change(Transition.TRANSITION_CLEANUP)
        assert manager.state() == State.PRIMARY_STATE_INACTIVE
        assert "the device is still busy" in front.status()[1]["last error"]

        scripted.goes_on.set()
        front.until(lambda: manager.change(Transition.TRANSITION_CLEANUP), "the end")
        assert manager.state() == State.PRIMARY_STATE_UNCONFIGURED
        assert front.status()[0][-1] == (b"\0", "Not active.")
        assert not front.heard["depth"]
