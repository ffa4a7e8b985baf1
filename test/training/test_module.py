"""The steps of a training run: what they learn from and what they judge."""

from __future__ import annotations

import warnings
from unittest.mock import Mock

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.network import NetworkConfig, save_network
from training.augmentation import Augmentation, augment, draw_numbers
from training.depth_maps import depths_of
from training.errors import TrainingError
from training.gates import watch_gates
from training.judging.predictors import NetworkPredictor
from training.losses import LossConfig, composite_loss
from training.metrics import METRICS, metrics_of, pixel_sums
from training.module import DepthModule
from training.optimiser import OptimiserConfig
from training.resizing import prepare_depth, prepare_pictures, resize_depth
from training.weights import build_network

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of a batch without workers
WIDE = Intrinsics(96, 64, 40.0, 80.0, 47.5, 30.5)
STILL = OptimiserConfig(lr=0.0)


class OneBatch(L.LightningDataModule):
    """Trains on a batch and judges it; it is from the camera WIDE."""

    camera = WIDE

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def train_dataloader(self):
        return DataLoader([self.batch], batch_size=None)

    val_dataloader = train_dataloader


class Losses(L.Callback, list):
    """What each training step returned."""

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.append(outputs["loss"].detach().clone())


def run(module, batch, epochs=1):
    """The losses of all steps, and what was logged last."""
    losses = Losses()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[losses],
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        **quiet,
    )
    trainer.fit(module, datamodule=OneBatch(batch))
    return losses, trainer.callback_metrics


@pytest.fixture
def module(tiny_clip):
    """Its weights stay as they are initialised: the learning rate is 0."""
    config = NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7)
    varied = Augmentation(flip=0.5, rotation=20.0, crop=0.4, seed=3)
    module = DepthModule(config, optimiser=STILL, augmentation=varied, crop="none")
    torch.manual_seed(0)
    module.network = build_network(config)
    torch.nn.init.normal_(module.network.classification.linear.weight)
    torch.nn.init.normal_(module.network.regression.linear.weight)
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
    losses, _ = run(module, batch, epochs=3)
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
    torch.testing.assert_close(losses[2], expected.total.detach())


def test_a_far_sighted_network_learns_from_what_is_far(tiny_clip, batch):
    """The loss reaches as far as the network does, not ten metres."""
    far = {**batch, "depth": batch["depth"] + 20}

    def loss(reach: float) -> float:
        config = NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7, max_depth=reach)
        return run(DepthModule(config, optimiser=STILL), far)[0][0].item()

    assert loss(80.0) > 0.0
    with pytest.raises(TrainingError, match=r"nothing was learned .* any depth up to 10 m"):
        loss(10.0)


@pytest.mark.parametrize(("reach", "told"), [(10.0, False), (80.0, True)])
def test_who_sees_farther_than_the_judge_is_told(tiny_clip, reach, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DepthModule(NetworkConfig(str(tiny_clip), None, (48, 64), max_depth=reach))
    said = "network.max_depth is 80 m, but the evaluation ends at 10 m"
    assert any(said in str(warning.message) for warning in caught) == told


def test_validation_judges_whole_labels_by_the_crop_that_was_asked_for(module, batch):
    """Each separately: the second epoch's figures are only of its own weights."""
    module.optimiser_config = OptimiserConfig(lr=1e-2)
    _, logged = run(module, batch, epochs=2)
    # As in the trainer; attention rounds differently then.
    with torch.no_grad(), watch_gates(module.network.moa, module.gates):
        prediction = module.network.decode(
            module.network(prepare_pictures(batch["picture"], (48, 64)))
        )
    for name, depth in depths_of(prediction).items():
        sums = pixel_sums(resize_depth(depth, (96, 128)), batch["depth"], "none")
        expected = metrics_of(sums).mean(dim=0).tolist()
        found = [logged[f"val/{name}/{metric}"].item() for metric in METRICS]
        assert found == pytest.approx(expected, rel=1e-5), name
    for block, statistics in module.gates.items():
        expected = statistics.compute()["weight_0"].item()
        assert logged[f"gates/{block}/weight_0"].item() == pytest.approx(expected, rel=1e-5)


def test_the_mirrored_pictures_depth_is_mirrored_back(module, batch):
    """Averaged over both, a mirrored image's maps are the image's own, mirrored."""
    predict = NetworkPredictor(module.network.eval(), flip=True)
    with torch.no_grad():
        here, there = (
            predict(p, [0] * 4, (96, 128)) for p in (batch["picture"], batch["picture"].flip(-1))
        )
    for name, depth in here.depths.items():
        torch.testing.assert_close(there.depths[name].flip(-1), depth, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(there.uncertainty.flip(-1), here.uncertainty, rtol=1e-3, atol=1e-3)


def test_a_network_is_built_on_the_host_whatever_the_default_device(tmp_path, tiny_clip):
    """Lightning makes a GPU the default while the module builds."""
    module = DepthModule(NetworkConfig(str(tiny_clip), None, (48, 64), num_bins=7))
    module.trainer = Mock(ckpt_path=None)
    with torch.device("meta"):
        module.configure_model()
    save_network(module.network, tmp_path, WIDE)
    with torch.device("meta"):
        tuned = DepthModule(init_from=str(tmp_path))
    for network in (module.network, tuned.network):
        for value in (*network.parameters(), *network.buffers()):
            assert value.device.type == "cpu"
            assert value.isfinite().all()
