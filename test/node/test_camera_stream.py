"""What happens to one camera's images, without a node."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from moa_depth_ros.estimator import DepthEstimate
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.ros.camera_stream import CameraStream, Job
from moa_depth_ros.ros.diagnostics import Laps
from moa_depth_ros.ros.parameter_table import TABLE
from test.node.harness import CAMERA, header_at


@pytest.mark.parametrize(
    "other", ["frame", "camera", "zoom", "model", "scale", "pause", "jitter", "none"]
)
def test_what_another_camera_model_or_time_gave_is_not_smoothed_into_a_picture(other):
    values = {row.name: row.default for row in TABLE} | {
        "smoothing": 0.5,
        "smoothing_max_change": 0.2,
    }
    node = SimpleNamespace(get_parameter=lambda name: SimpleNamespace(value=values[name]))
    camera = SimpleNamespace(tell=print, outputs=SimpleNamespace())
    models = [SimpleNamespace(training_camera=NYU_KINECT) for _ in range(2)]
    estimators = SimpleNamespace(present=models[0])
    stream = CameraStream(node, camera, estimators, lambda frame: False)

    def smoothed(metres, seconds, frame="lens", intrinsics=CAMERA):
        depth = torch.full((CAMERA.height, CAMERA.width), metres)
        estimate = DepthEstimate(depth, torch.zeros_like(depth), torch.zeros(*depth.shape, 3))
        header = header_at(int(seconds * 1e9), frame)
        picture = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
        job = Job(stream, header, Laps(0.0), picture, "rgb", None, None, intrinsics)
        return stream.smooth(job, estimate).depth[0, 0].item()

    assert smoothed(2.0, 5.0) == 2.0
    if other == "model":
        estimators.present = models[1]
    if other == "scale":
        values["scale_by_focal_length"] = False
    cameras = {
        "camera": CAMERA.resized(192, 128),
        "zoom": dataclasses.replace(CAMERA, fx=1.05 * CAMERA.fx, fy=1.05 * CAMERA.fy),
        "jitter": dataclasses.replace(CAMERA, fx=1.002 * CAMERA.fx, cx=CAMERA.cx + 0.1),
    }
    found = smoothed(
        2.2,
        7.0 if other == "pause" else 5.1,
        "other lens" if other == "frame" else "lens",
        cameras.get(other, CAMERA),
    )
    assert found == pytest.approx(4.4**0.5 if other in ("none", "jitter") else 2.2)
