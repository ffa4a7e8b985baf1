"""Resizing, flips and colours: pictures and labels stay together."""

from __future__ import annotations

import torch

from training.preparation import Augmentation, augment, prepare_depth, prepare_pictures


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


def test_flips_take_the_label_along_and_depend_on_epoch_and_index_alone():
    depth = torch.arange(8.0).expand(64, 4, 8).contiguous()
    pictures = depth.unsqueeze(1).expand(-1, 3, -1, -1) / 8
    index = torch.arange(64)
    flipped, label = augment(pictures, depth, index, epoch=1, config=Augmentation(flip=0.5))
    assert torch.equal(flipped[:, 0] * 8, label)
    share = (label[:, 0, 0] == 7).float().mean()
    assert 0.25 < share < 0.75
    _, tail = augment(pictures[40:], depth[40:], index[40:], epoch=1, config=Augmentation(flip=0.5))
    assert torch.equal(tail, label[40:])
    _, later = augment(pictures, depth, index, epoch=2, config=Augmentation(flip=0.5))
    assert not torch.equal(later, label)


def test_colours_vary_within_bounds_and_leave_depth_alone():
    config = Augmentation(flip=0.0, brightness=0.5, contrast=0.5, saturation=0.5)
    pictures, depth = torch.rand(4, 3, 5, 6), torch.rand(4, 5, 6)
    varied, label = augment(pictures, depth, torch.arange(4), 0, config)
    assert torch.equal(label, depth)
    assert not torch.allclose(varied, pictures)
    assert varied.min() >= 0
    assert varied.max() <= 1
