"""From an image on the device to a cloud there: devices and types agree, and nothing waits."""

from contextlib import suppress

import numpy as np
import pytest
import torch

from moa_depth_ros.depth.cloud import CloudOptions, pack_cloud
from moa_depth_ros.depth.filters import DepthLimits, drop_edges, keep_readings
from moa_depth_ros.depth.smoothing import DepthSmoother
from moa_depth_ros.estimator import (
    DEMO_MODEL,
    PRECISIONS,
    DepthEstimator,
    Picture,
    depth_estimator,
)
from moa_depth_ros.intrinsics import Intrinsics
from test.fake_cuda import fake_cuda, put_on_fake_cuda

CAMERA = Intrinsics(640, 480, 525.0, 525.0, 319.5, 239.5)
EVERY_LIMIT = DepthLimits(min_depth=0.2, max_depth=8.0, max_uncertainty=1.0)


@pytest.mark.parametrize(
    ("precision", "channels"),
    [("bfloat16", channels) for channels in depth_estimator.CHANNELS]
    + [(precision, "rgb") for precision in PRECISIONS if precision != "bfloat16"],
)
def test_nothing_waits_for_the_device(monkeypatch, precision, channels):
    """Except for the image's copy, the graph and the kernel, which fake tensors can't have."""
    monkeypatch.setattr(depth_estimator, "to_device", uploaded)
    estimator = DepthEstimator(DEMO_MODEL, "cpu", precision)
    estimator.network.decoder._has_kernel = False
    estimator.device = torch.device("cuda")
    shape = {"mono": (480, 640)}.get(channels, (480, 640, len(channels)))
    picture = Picture(np.zeros(shape, np.uint8), channels, CAMERA)
    with fake_cuda() as crossings:
        put_on_fake_cuda(estimator.network)
        estimates = estimator.estimate_batch([picture] * 2)
    assert crossings.names == []
    for estimate in estimates:
        assert estimate.depth.is_cuda and estimate.depth.shape == (480, 640)
        assert estimate.depth.dtype == estimate.uncertainty.dtype == torch.float32
        assert estimate.colour.is_cuda and estimate.colour.shape == (480, 640, 3)


def uploaded(array: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.empty(array.shape, dtype=torch.uint8, device=device)


@pytest.mark.parametrize(
    "options",
    [
        CloudOptions(),
        CloudOptions(stride=3, colour=False),
    ],
)
def test_smoothing_limits_edges_and_a_cloud_wait_for_nothing(options):
    with fake_cuda() as crossings:
        depth, uncertainty = torch.empty(2, 480, 640, device="cuda")
        colour = torch.empty(480, 640, 3, dtype=torch.uint8, device="cuda")
        smoother = DepthSmoother()
        for stamp in (1.0, 1.1):
            smooth = smoother.smooth(depth, 0.5, 0.1, stamp, "camera")
        unseen = torch.zeros(480, 640, dtype=torch.bool, device="cuda")
        readings = keep_readings(smooth, uncertainty, EVERY_LIMIT, unseen)
        shown = drop_edges(readings, 0.2, (5, 5), smooth)
        cloud = pack_cloud(shown, colour, CAMERA, options)
    assert crossings.names == []
    assert cloud.is_cuda and cloud.dtype == torch.uint8


@pytest.mark.parametrize(
    "waits",
    [
        lambda values: values.sum().item(),
        lambda values: values[values > 0],
        lambda values: values.masked_select(values > 0),
        lambda values: values.unique(),
        lambda values: values.cpu(),
        lambda values: values.copy_(torch.ones(3)),
        lambda values: values + torch.ones(3).to("cuda"),
    ],
)
def test_what_waits_or_copies_is_seen(waits):
    with fake_cuda() as crossings:
        values = torch.ones(3, device="cuda")
        with suppress(Exception):  # a fake tensor has no value to give
            waits(values)
    assert crossings.names
