"""The best epoch, chosen on recordings held out of the training split."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from training.checkpoints import AtomicCheckpointIO
from training.errors import CheckpointError


class KeepBest(Checkpoint):
    """Keeps ``best.ckpt``: the weights with the lowest AbsRel of the fused depth.

    Validation runs on recordings held out of the training split: the test split chooses nothing.

    Args:
        folder: where the checkpoint goes.
        share: of the training images, held out.

    Attributes:
        path: of the checkpoint.
        least: AbsRel of its weights; infinity before there are any.
        epoch: of these weights.
    """

    def __init__(self, folder: Path, share: float):
        self.path = folder / "best.ckpt"
        self.least = math.inf
        self.epoch = -1
        self.share = share

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Divide the training split once the data module has opened it.

        Raises:
            DataError: it cannot be divided.
        """
        trainer.datamodule.hold_out(self.share)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose, except by the validation of a run that ends in the middle of an epoch."""
        ends_early = trainer.should_stop and not trainer.is_last_batch
        if trainer.sanity_checking or trainer.fast_dev_run or ends_early:
            return
        found = float(trainer.callback_metrics["val/fused/abs_rel"])
        if found < self.least:  # never true of NaN
            self.least, self.epoch = found, trainer.current_epoch
            trainer.save_checkpoint(self.path, weights_only=True)

    def state_dict(self) -> dict[str, Any]:
        """What an epoch's checkpoint stores of this."""
        return {"least": self.least, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from the best so far, wherever the run's folder is now."""
        least, epoch = state_dict["least"], state_dict["epoch"]
        if least == math.inf:
            return
        wrong = self._what_is_wrong(epoch)
        if wrong is None:
            self.least, self.epoch = least, epoch
            return
        warnings.warn(
            f"{self.path}: {wrong}, but the best so far was epoch {epoch}; the best epoch is now "
            "chosen only from those to come",
            stacklevel=2,
        )

    def _what_is_wrong(self, epoch: int) -> str | None:
        """With the checkpoint: it may also be of a later epoch, which the run reached before it was
        resumed from an earlier one."""
        if not self.path.is_file():
            return "there is no such checkpoint"
        try:
            found = AtomicCheckpointIO().load_checkpoint(self.path)["epoch"]
        except CheckpointError:
            return "it is damaged"
        return None if found == epoch else f"it is of epoch {found}"
