"""Training and judging on the device: devices and types agree, and nothing waits between steps."""

import pytest
import torch

from moa_depth_ros.network import MoADepthClip
from test.fake_cuda import fake_cuda, put_on_fake_cuda
from test.network.tiny import tiny_config
from training.augmentation import Augmentation, augment
from training.judging.calibration import CalibrationCounts
from training.judging.judge import Collector
from training.judging.judgement import RANGE_EDGES
from training.metrics import TrueDepth
from training.module import DepthModule

EVERYTHING = Augmentation(
    brightness=0.2, contrast=0.2, saturation=0.2, gamma=0.2, colour=0.1, rotation=5.0, crop=0.2
)


@pytest.fixture
def autocast(monkeypatch):
    """bf16-mixed as on a GPU that has it."""
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *args, **kwargs: True)
    return torch.autocast("cuda", torch.bfloat16)


@pytest.fixture
def module(tmp_path, monkeypatch):
    made = DepthModule(tiny_config(tmp_path), augmentation=EVERYTHING)
    made.network = MoADepthClip(made.network_config).train()
    monkeypatch.setattr(made, "log", lambda *args, **kwargs: None)  # there is no trainer
    return made


def batch() -> dict[str, torch.Tensor]:
    return {
        "picture": torch.empty(8, 3, 480, 640, dtype=torch.uint8, device="cuda"),
        "depth": torch.empty(8, 480, 640, device="cuda"),
    }


def test_the_loss_of_a_step_waits_for_nothing(module, autocast):
    with fake_cuda() as crossings, autocast:
        put_on_fake_cuda(module)
        pictures, label = module._prepare(batch())
        numbers = torch.empty(8, 12, device="cuda")
        pictures, label = augment(pictures, label, numbers, EVERYTHING, module.camera)
        terms = module.training_terms(pictures, label)
    assert crossings.names == []
    assert terms.total.is_cuda and terms.total.requires_grad
    assert {term.dtype for term in terms} == {torch.float32}


def test_validation_waits_for_nothing(module, autocast):
    with fake_cuda() as crossings, autocast, torch.no_grad():
        put_on_fake_cuda(module)
        module.validation_step(batch(), 0)
    assert crossings.names == []


def test_judging_a_batch_waits_for_nothing():
    with fake_cuda() as crossings:
        depth = torch.empty(8, 480, 640, device="cuda")
        truth = TrueDepth(depth)
        collector = Collector(CalibrationCounts(torch.device("cuda")))
        collector.add(depth, depth, truth, truth.members(RANGE_EDGES))
    assert crossings.names == []
