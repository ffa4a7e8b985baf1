"""Resizing: images and labels stay aligned."""

from __future__ import annotations

import numpy as np
import torch

from moa_depth_ros.estimator import DEMO_MODEL, DepthEstimator
from training.resizing import prepare_depth, prepare_pictures, resize_depth


def test_pictures_become_fractions_at_the_network_size():
    pictures = torch.full((2, 3, 48, 64), 255, dtype=torch.uint8)
    assert torch.equal(prepare_pictures(pictures, (24, 32)), torch.ones(2, 3, 24, 32))
    assert prepare_pictures(pictures, (48, 64)).shape == (2, 3, 48, 64)


def test_labels_never_mix_holes_and_readings():
    depth = torch.tensor([0.0, 4.0]).repeat(1, 20, 20)
    small = prepare_depth(depth, (7, 9))
    assert set(small.unique().tolist()) <= {0.0, 4.0}


def test_picture_and_label_stay_aligned():
    """A bright square at 3 m on dark at 1 m keeps its place through both ways of resizing."""
    depth = torch.ones(1, 60, 80)
    depth[:, 20:40, 8:32] = 3.0
    pictures = ((depth == 3) * 255).to(torch.uint8).unsqueeze(1).expand(-1, 3, -1, -1)
    small = prepare_pictures(pictures, (15, 20))[:, 0] > 0.5
    assert torch.equal(small, prepare_depth(depth, (15, 20)) == 3)


def test_shrinking_a_picture_averages_what_is_finer_than_a_pixel():
    pictures = torch.tensor([0, 255], dtype=torch.uint8).repeat(1, 3, 30, 18)
    small = prepare_pictures(pictures, (10, 12))
    assert ((small > 0.25) & (small < 0.75)).all()


def test_a_small_labels_pixel_is_the_middle_one_of_those_it_stands_for():
    depth = torch.arange(1.0, 1 + 9 * 12).view(1, 9, 12)
    assert torch.equal(prepare_depth(depth, (3, 4)), depth[:, 1::3, 1::3])


def test_predicted_depth_grows_about_the_centres_of_its_pixels():
    assert resize_depth(torch.tensor([[[1.0, 3.0]]]), (1, 4)).tolist() == [[[1.0, 1.5, 2.5, 3.0]]]


def test_the_robot_shows_the_network_what_the_trainer_does():
    estimator, seen = DepthEstimator(DEMO_MODEL, "cpu"), []
    estimator.network.register_forward_pre_hook(lambda network, given: seen.append(given[0]))
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    estimator.estimate(picture)
    pictures = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    expected = prepare_pictures(pictures, estimator.network.config.input_size)
    torch.testing.assert_close(seen[0] / 255, expected, rtol=0, atol=1e-6)
