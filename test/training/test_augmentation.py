"""Flips, colours, rotations and crops: labels follow, and nothing depends on the batch."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from training.augmentation import Augmentation, augment, draw_numbers, view
from training.rooms import Frame, render, sample_room

STILL = Augmentation(flip=0.0)


def vary(pictures, depth, index, epoch=0, **config):
    """Augmented by the numbers of an epoch, seed 0."""
    changed = dataclasses.replace(STILL, **config)
    return augment(pictures, depth, draw_numbers(index, epoch, 0), changed, NYU_KINECT)


def test_numbers_come_from_seed_epoch_and_index_alone():
    numbers = draw_numbers(torch.tensor([5, 1_000_003]), epoch=2, seed=7)
    assert torch.equal(numbers[1], draw_numbers(torch.tensor([1_000_003]), 2, 7)[0])
    # Written out: other numbers from the same seed would make the same command give another model.
    first = np.random.default_rng((7, 2, 5)).random(4).astype(np.float32)
    np.testing.assert_array_equal(numbers[0, :4], first)
    for other in (draw_numbers(torch.tensor([5]), 3, 7), draw_numbers(torch.tensor([5]), 2, 8)):
        assert not torch.equal(other[0], numbers[0])


def test_flips_take_the_label_along():
    depth = torch.arange(8.0).expand(64, 4, 8).contiguous()
    pictures = depth.unsqueeze(1).expand(-1, 3, -1, -1) / 8
    flipped, label = vary(pictures, depth, torch.arange(64), flip=0.5)
    assert torch.equal(flipped[:, 0] * 8, label)
    assert 0.25 < (label[:, 0, 0] == 7).float().mean() < 0.75


@pytest.mark.parametrize(
    "config",
    [
        {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5},
        {"gamma": 0.5},
        {"colour": 0.5},
        {"brightness": 0.9, "contrast": 0.9, "saturation": 0.9, "gamma": 0.9, "colour": 0.9},
    ],
)
def test_colours_vary_within_bounds_and_leave_depth_alone(config):
    torch.manual_seed(0)
    pictures, depth = torch.rand(4, 3, 5, 6), torch.rand(4, 5, 6)
    varied, label = vary(pictures, depth, torch.arange(4), **config)
    assert torch.equal(label, depth)
    assert not torch.allclose(varied, pictures)
    assert varied.min() >= 0
    assert varied.max() <= 1


def test_brightness_contrast_and_saturation_change_as_they_say():
    """By a tenth at most, so that nothing is clipped at black or white."""
    torch.manual_seed(0)
    pictures, index = 0.4 + 0.2 * torch.rand(1, 3, 5, 6), torch.tensor([3])
    changes = 2 * draw_numbers(index, 0, 0)[0, 1:4] - 1
    brightness, contrast, saturation = (1 + 0.1 * changes).tolist()
    mean, (red, green, blue) = pictures.mean(), pictures[0]
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    for name, expected in (
        ("brightness", pictures * brightness),
        ("contrast", mean + (pictures - mean) * contrast),
        ("saturation", grey + (pictures - grey) * saturation),
    ):
        varied, _ = vary(pictures, torch.ones(1, 5, 6), index, **{name: 0.1})
        torch.testing.assert_close(varied, expected)


def test_gamma_bends_and_keeps_black_and_white():
    pictures = torch.tensor([0.0, 0.25, 1.0]).expand(1, 3, 1, 3)
    change = 2 * draw_numbers(torch.tensor([3]), 0, 0)[0, 4].item() - 1
    varied, _ = vary(pictures, torch.ones(1, 1, 3), torch.tensor([3]), gamma=0.5)
    expected = [0.0, 0.25 ** (1 + 0.5 * change), 1.0]
    assert varied[0, 0, 0].tolist() == pytest.approx(expected, rel=1e-5)


def test_colour_changes_each_channel_by_a_factor_of_its_own():
    varied, _ = vary(
        torch.full((1, 3, 2, 2), 0.5), torch.ones(1, 2, 2), torch.tensor([3]), colour=0.2
    )
    changes = 2 * draw_numbers(torch.tensor([3]), 0, 0)[0, 5:8] - 1
    torch.testing.assert_close(varied[0, :, 0, 0], 0.5 * (1 + 0.2 * changes))
    assert len(varied.unique()) == 3


@pytest.fixture(scope="module")
def photo() -> tuple[torch.Tensor, torch.Tensor]:
    """An image (1, 3, 96, 128) and depth (1, 96, 128) of a room."""
    return tensors(shot(CAMERA))


CAMERA = NYU_KINECT.resized(128, 96)


def shot(camera: Intrinsics, roll: float = 0.0) -> Frame:
    """A room, always the same, as seen by a camera rolled from the upright."""
    room = sample_room(np.random.default_rng(4))
    pose = dataclasses.replace(room.camera, pitch=-0.1, roll=roll)
    return render(dataclasses.replace(room, camera=pose), camera, np.random.default_rng(0))


def tensors(frame: Frame) -> tuple[torch.Tensor, torch.Tensor]:
    picture = torch.from_numpy(frame.picture).permute(2, 0, 1).unsqueeze(0) / 255
    return picture, torch.from_numpy(frame.depth).unsqueeze(0)


def seen(photo, camera=CAMERA, angle=0.0, kept=1.0, place=(0.0, 0.0)):
    return view(*photo, torch.tensor([angle]), torch.tensor([kept]), torch.tensor([place]), camera)


def share_alike(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Share of the pixels with a reading that agree within 2 %: all but those beside an edge."""
    found, expected = found[found > 0], expected[found > 0]
    return ((found / expected - 1).abs() < 0.02).float().mean().item()


def correlation(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Of two images whose exposure and sensor noise differ."""
    return torch.corrcoef(torch.stack([found.flatten(), expected.flatten()]))[0, 1].item()


def test_the_whole_upright_view_changes_nothing(photo):
    picture, depth = seen(photo)
    torch.testing.assert_close(picture, photo[0], atol=1e-4, rtol=0)
    assert torch.equal(depth, photo[1])


@pytest.mark.parametrize("place", [(0.0, 0.0), (-1.0, 0.5), (1.0, -1.0)])
def test_a_crop_is_what_a_longer_lens_sees_at_the_depth_that_its_ratio_puts_right(photo, place):
    kept = 0.6
    # The followed camera, worked out by pixels: the part begins at `start` (in pixels from the
    # border), and what is left of it is enlarged by 1 / kept.
    start = [(1 - kept) * (1 + p) / 2 * side for p, side in zip(place, (128, 96), strict=True)]
    centre = [(CAMERA.cx, start[0]), (CAMERA.cy, start[1])]
    cx, cy = ((c + 0.5 - s) / kept - 0.5 for c, s in centre)
    followed = Intrinsics(128, 96, CAMERA.fx / kept, CAMERA.fy / kept, cx, cy)
    expected = tensors(shot(followed))
    picture, depth = seen(photo, kept=kept, place=place)
    ratio = followed.focal_ratio(CAMERA)
    assert ratio == pytest.approx(1 / kept)
    assert (depth > 0).all()
    assert share_alike(depth * ratio, expected[1]) > 0.93
    assert correlation(picture, expected[0]) > 0.95


def test_angle_size_and_place_are_drawn_to_both_sides():
    pictures, depth, index = torch.rand(8, 3, 60, 80), torch.rand(8, 60, 80), torch.arange(8)
    numbers = draw_numbers(index, 0, 0)
    changes = 2 * numbers - 1
    turn = torch.deg2rad(20.0 * changes[:, 8]), 1 - 0.4 * numbers[:, 9], changes[:, 10:]
    expected = view(pictures, depth, *turn, NYU_KINECT)
    for a, b in zip(vary(pictures, depth, index, rotation=20.0, crop=0.4), expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("degrees", [-8.0, 12.0])
def test_a_rotation_is_what_a_rolled_camera_sees(degrees):
    angle = math.radians(degrees)
    camera = dataclasses.replace(CAMERA, cx=63.5, cy=47.5)  # rolls about the image's middle
    expected = tensors(shot(camera, roll=angle))
    picture, depth = seen(tensors(shot(camera)), camera, angle)
    inside = depth > 0
    assert 0.8 < inside.float().mean() < 0.99  # the corners show nothing
    assert share_alike(depth, expected[1]) > 0.93
    within = inside.unsqueeze(1).expand(-1, 3, -1, -1)
    assert correlation(picture[within], expected[0][within]) > 0.95
    opposite = tensors(shot(camera, roll=-angle))
    assert share_alike(depth, opposite[1]) < 0.8


def test_a_rotation_of_a_squashed_picture_is_squashed_too(photo):
    """As in the paper's recipe: 4:3 images on a square input."""
    angle = math.radians(10)
    squashed = [
        torch.nn.functional.interpolate(part, (96, 96), mode="nearest-exact")
        for part in (photo[0], photo[1].unsqueeze(1))
    ]
    _, depth = seen((squashed[0], squashed[1].squeeze(1)), angle=angle)
    _, whole = seen(photo, angle=angle)
    expected = torch.nn.functional.interpolate(
        whole.unsqueeze(1), (96, 96), mode="nearest-exact"
    ).squeeze(1)
    both = (depth > 0) & (expected > 0)
    assert ((depth > 0) == (expected > 0)).float().mean() > 0.97
    assert share_alike(depth * both, expected) > 0.93


def test_crops_and_rotations_never_mix_holes_and_readings():
    depth = torch.tensor([0.0, 4.0]).repeat(6, 20, 20)
    pictures = (depth > 0).float().unsqueeze(1).expand(-1, 3, -1, -1)
    _, label = vary(pictures, depth, torch.arange(6), rotation=10.0)
    assert set(label.unique().tolist()) == {0.0, 4.0}
    _, label = vary(pictures, depth, torch.arange(6), crop=0.3)
    scales = {round(value, 4) for value in (label[:, 3].amax(1) / 4).tolist()}
    assert len(scales) == 6
    assert min(scales) >= 0.7
    assert max(scales) <= 1.0
    assert all(len(picture.unique()) == 2 for picture in label)


def test_pixels_are_placed_in_float32_in_a_bfloat16_training_too():
    pictures, depth = torch.rand(1, 3, 60, 80), torch.rand(1, 60, 80)
    turn = torch.tensor([0.1]), torch.tensor([0.8]), torch.zeros(1, 2)
    expected = view(pictures, depth, *turn, NYU_KINECT)
    with torch.autocast("cpu", torch.bfloat16):
        found = view(pictures, depth, *turn, NYU_KINECT)
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)
