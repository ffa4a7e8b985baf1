"""The steps of a training: what they learn from and what they judge."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import torch

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import NetworkConfig
from training.augmentation import Augmentation, augment, draw_numbers
from training.depth_maps import depths_of
from training.judging.predictors import NetworkPredictor
from training.losses import LossConfig, composite_loss
from training.metrics import METRICS, metrics_of, pixel_sums
from training.module import DepthModule
from training.preparation import prepare_depth, prepare_pictures, resize_depth
from training.weights import build_network

WIDE = Intrinsics(96, 64, 40.0, 80.0, 47.5, 30.5)


@pytest.fixture
def module(tiny_clip, monkeypatch):
    """In epoch 2 of a run on pictures that WIDE took; nothing is logged."""
    config = NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7)
    varied = Augmentation(flip=0.5, rotation=20.0, crop=0.4, seed=3)
    module = DepthModule(config, augmentation=varied, crop="none")
    torch.manual_seed(0)
    module.network = build_network(config)
    torch.nn.init.normal_(module.network.classification.linear.weight)
    torch.nn.init.normal_(module.network.regression.linear.weight)
    run = Mock(current_epoch=2)
    run.datamodule.camera = WIDE
    module.trainer = run
    module.run = run  # the module itself keeps a weak reference
    monkeypatch.setattr(module, "_log_terms", lambda *_: None)
    module.on_fit_start()
    return module


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return {
        "picture": torch.randint(0, 256, (4, 3, 96, 128), dtype=torch.uint8, generator=generator),
        "depth": 5 * torch.rand(4, 96, 128, generator=generator) + 0.5,
        "index": torch.tensor([3, 1, 4, 15]),
    }


def test_a_step_learns_from_pictures_and_labels_that_vary_together(module, batch):
    """By seed, epoch and index, as the run's camera would see them."""
    found = module.training_step(batch, 0)
    pictures, label = (
        prepare_pictures(batch["picture"], (48, 64)),
        prepare_depth(batch["depth"], (48, 64)),
    )
    numbers = draw_numbers(batch["index"], epoch=2, seed=3)
    pictures, label = augment(pictures, label, numbers, module.augmentation, WIDE)
    prediction = module.network.decode(module.network(pictures))
    index = module.network.bins.index(label)
    expected = composite_loss(
        prediction.logits, prediction.regressed, label, index, 10.0, LossConfig()
    )
    torch.testing.assert_close(found, expected.total)


def test_a_far_sighted_network_learns_from_what_is_far(tiny_clip, batch, monkeypatch):
    """The loss reaches as far as the network does, not ten metres."""
    losses = {}
    for reach in (10.0, 80.0):
        config = NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7, max_depth=reach)
        module = DepthModule(config)
        module.network = build_network(config)
        monkeypatch.setattr(module, "_log_terms", lambda *_: None)
        losses[reach] = module.training_step({**batch, "depth": batch["depth"] + 20}, 0).item()
    assert losses[10.0] == 0.0
    assert losses[80.0] > 0.0


def test_validation_judges_whole_labels_by_the_crop_that_was_asked_for(module, batch):
    with torch.no_grad():  # as the trainer has it; attention rounds in another way then
        module.validation_step(batch, 0)
        prediction = module.network.decode(
            module.network(prepare_pictures(batch["picture"], (48, 64)))
        )
    for name, depth in depths_of(prediction).items():
        sums = pixel_sums(resize_depth(depth, (96, 128)), batch["depth"], "none")
        expected = metrics_of(sums).mean(dim=0).tolist()
        found = module.metrics[name].compute().per_image
        assert [found[metric] for metric in METRICS] == pytest.approx(expected, rel=1e-5), name


def test_the_mirrored_pictures_depth_is_mirrored_back(module, batch):
    """Averaged over both, a mirrored picture's maps are the picture's own, mirrored."""
    predict = NetworkPredictor(module.network.eval(), flip=True)
    with torch.no_grad():
        here, there = (
            predict(p, [0] * 4, (96, 128)) for p in (batch["picture"], batch["picture"].flip(-1))
        )
    for name, depth in here.depths.items():
        torch.testing.assert_close(there.depths[name].flip(-1), depth, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(there.uncertainty.flip(-1), here.uncertainty, rtol=1e-3, atol=1e-3)
