"""Two processes reach the weights of one with the same global batch."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
import torch

from moa_depth_ros.network import load_network
from test.training.tiny_runs import ENVIRONMENT, ROOT, arguments, write_pictures
from training import train

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def weights(run):
    return load_network(run / "model")[0].state_dict()


def last_loss(run):
    """Of the last epoch's training, as it was logged."""
    with next(run.glob("logs/*/csv/metrics.csv")).open() as file:
        losses = [row["train/loss_epoch"] for row in csv.DictReader(file)]
    return float([loss for loss in losses if loss][-1])


@pytest.mark.timeout(400)  # three processes, each of which imports torch on a busy machine
def test_two_gloo_processes_train_as_one(tmp_path, write_nyu, tiny_clip):
    """Batches of 4 and, at the end of an epoch, 2; images with few and with many holes.

    Four steps move a weight by up to 4e-3: the tolerance is a small part of one step.

    Not bit for bit: two processes add up in another order. Only parameters with gradients well
    above rounding are compared, because Adam makes full steps in whatever direction rounding gives
    to a gradient that should be 0, such as that of the attention's key bias.
    """
    data = write_pictures(tmp_path / "data", write_nyu)
    changes = {"model__network__trainable_blocks": 0, "trainer__max_epochs": 2}
    alone = arguments(data, tmp_path / "one", tiny_clip, data__batch_size=4, **changes)
    assert train.main(alone) == 0
    changes |= {"data__batch_size": 2, "trainer__devices": 2, "trainer__strategy": "ddp"}
    together = arguments(data, tmp_path / "two", tiny_clip, **changes)
    command = [*TORCHRUN, "-m", "training.train", *together]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sync_dist" not in done.stderr
    expected, found = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)
    assert last_loss(tmp_path / "two") == pytest.approx(last_loss(tmp_path / "one"), rel=1e-4)
