"""The model that ships with the package, on rooms it has never seen."""

import dataclasses

import numpy as np
import pytest
import torch

from moa_depth_ros.estimator import DEMO_MODEL, DepthEstimator
from moa_depth_ros.intrinsics import NYU_KINECT
from training.judging.baselines import fit_baselines
from training.metrics import DepthMetrics, pixel_sums
from training.rooms import render, sample_frame, sample_room

CAMERA = NYU_KINECT.resized(320, 240)
HELD_OUT, FOR_BASELINE = 7, 8  # seeds; training took 100 and 101


@pytest.fixture(scope="module")
def estimator():
    return DepthEstimator(DEMO_MODEL, device="cpu")


def average(pairs):
    metrics = DepthMetrics()
    for prediction, truth in pairs:
        metrics.update(pixel_sums(prediction[None], truth[None]))
    return metrics.compute().per_image


def test_it_fits_into_eight_megabytes():
    assert sum(path.stat().st_size for path in DEMO_MODEL.iterdir()) <= 8e6


def test_it_beats_the_predictors_without_a_network(estimator):
    frames = [sample_frame(HELD_OUT, index, CAMERA) for index in range(24)]
    truths = [torch.from_numpy(frame.depth) for frame in frames]
    depths = [estimator.estimate(frame.picture).depth for frame in frames]
    found = average(zip(depths, truths, strict=True))
    assert found["d1"] >= 0.75
    known = (sample_frame(FOR_BASELINE, index, CAMERA).depth for index in range(24))
    for baseline in fit_baselines(known).values():
        fixed = baseline.predict((CAMERA.height, CAMERA.width))[0]
        without = average((fixed, truth) for truth in truths)
        assert found["d1"] > without["d1"] + 0.2
        assert found["abs_rel"] < 0.7 * without["abs_rel"]
        assert found["rmse"] < 0.8 * without["rmse"]


@pytest.mark.parametrize("zoom", [0.75, 1.4])
def test_metric_scale_follows_the_lens(estimator, zoom):
    """The same rooms through another lens: knowing the camera makes depth more accurate."""
    lens = dataclasses.replace(CAMERA, fx=zoom * CAMERA.fx, fy=zoom * CAMERA.fy)
    scaled, unscaled = [], []
    for seed in range(12):
        room = sample_room(np.random.default_rng([HELD_OUT, seed]))
        frame = render(room, lens, np.random.default_rng(seed))
        truth = torch.from_numpy(frame.depth)
        scaled.append((estimator.estimate(frame.picture, intrinsics=lens).depth, truth))
        unscaled.append((estimator.estimate(frame.picture).depth, truth))
    assert average(scaled)["abs_rel"] < average(unscaled)["abs_rel"]
