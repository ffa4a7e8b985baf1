"""Smoothing over time: noise shrinks as the formula says, changes come through at once."""

import math

import pytest
import torch

from moa_depth_ros.depth.smoothing import DepthSmoother

SIZE = (60, 80)
CHANGE = 0.2


def show(smoother, depth, time, strength=0.8, source="camera"):
    return smoother.smooth(depth, strength, CHANGE, time, source)


def noisy(generator, metres=2.0, deviation=0.02):
    return metres * (deviation * torch.randn(SIZE, generator=generator)).exp()


@pytest.mark.parametrize("strength", [0.5, 0.8])
def test_noise_on_a_still_scene_shrinks_by_the_formula(strength):
    generator = torch.Generator().manual_seed(0)
    smoother = DepthSmoother()
    for step in range(60):
        smooth = show(smoother, noisy(generator), step / 30, strength)
    expected = 0.02 * math.sqrt((1 - strength) / (1 + strength))
    assert smooth.log().std().item() == pytest.approx(expected, rel=0.05)
    assert smooth.log().mean().exp().item() == pytest.approx(2.0, rel=0.002)


def test_two_pictures_by_hand():
    smoother = DepthSmoother()
    show(smoother, torch.full(SIZE, 2.0), 0.0)
    found = show(smoother, torch.full(SIZE, 2.2), 0.1)
    torch.testing.assert_close(found, torch.full(SIZE, 2.0**0.8 * 2.2**0.2))


@pytest.mark.parametrize("nearer", [2.0 * 1.25, 2.0 / 1.25])
def test_a_change_comes_through_at_once_and_leaves_no_ghost(nearer):
    smoother = DepthSmoother()
    for step in range(10):
        show(smoother, torch.full(SIZE, 2.0), step / 30)
    moved = torch.full(SIZE, 2.0)
    moved[:, 40:] = nearer
    for step in range(10, 13):
        torch.testing.assert_close(show(smoother, moved, step / 30), moved)


def test_a_pixel_without_depth_starts_again():
    smoother = DepthSmoother()
    for depth, time in ((2.0, 0.0), (math.nan, 0.1), (2.1, 0.2)):
        found = show(smoother, torch.full(SIZE, depth), time)
        torch.testing.assert_close(found, torch.full(SIZE, depth), equal_nan=True)
    assert (show(smoother, torch.full(SIZE, 2.0), 0.3) > 2.0).all()


@pytest.mark.parametrize(
    ("time", "source", "size"),
    [
        (1.2, "camera", SIZE),
        (0.0, "camera", SIZE),
        (0.2, "other", SIZE),
        (0.2, "camera", (30, 80)),
    ],
)
def test_a_gap_an_earlier_stamp_another_camera_or_size_start_again(time, source, size):
    smoother = DepthSmoother()
    show(smoother, torch.full(SIZE, 2.0), 0.1)
    after = torch.full(size, 2.1)
    torch.testing.assert_close(show(smoother, after, time, source=source), after)


def test_off_it_gives_the_picture_itself_and_forgets():
    smoother = DepthSmoother()
    show(smoother, torch.full(SIZE, 2.0), 0.0)
    depth = torch.full(SIZE, 2.1)
    assert show(smoother, depth, 0.1, strength=0.0) is depth
    after = torch.full(SIZE, 2.2)
    torch.testing.assert_close(show(smoother, after, 0.2), after)


def test_a_camera_that_runs_longer_than_the_gap_is_smoothed_on():
    smoother = DepthSmoother()
    for time_ in (0.0, 0.6, 1.2, 1.8):
        smoother.smooth(torch.full((6, 8), 2.0), 0.8, 0.2, time_, "camera")
    found = smoother.smooth(torch.full((6, 8), 2.2), 0.8, 0.2, 2.4, "camera")
    torch.testing.assert_close(found, torch.full((6, 8), 2.0**0.8 * 2.2**0.2))


@pytest.mark.parametrize(
    ("factor", "is_noise"), [(1.19, True), (1.21, False), (1 / 1.19, True), (1 / 1.21, False)]
)
def test_the_largest_change_is_a_factor_of_depth(factor, is_noise):
    smoother = DepthSmoother()
    smoother.smooth(torch.full((6, 8), 2.0), 0.8, 0.2, 0.0, "camera")
    after = torch.full((6, 8), 2.0 * factor)
    found = smoother.smooth(after, 0.8, 0.2, 0.1, "camera")
    assert torch.equal(found, after) != is_noise


def test_pictures_of_one_stamp_are_smoothed():
    """Some drivers leave the stamp zero."""
    smoother = DepthSmoother()
    show(smoother, torch.full(SIZE, 2.0), 0.0)
    found = show(smoother, torch.full(SIZE, 2.2), 0.0)
    torch.testing.assert_close(found, torch.full(SIZE, 2.0**0.8 * 2.2**0.2))
