"""After which epochs there is a checkpoint."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from training.checkpoints import newest


class EpochCheckpoints(Checkpoint):
    """Writes ``epoch-NNN.ckpt`` after finished epochs.

    An epoch whose batches were not all trained, because the run's time or steps were used up
    before, is none: a run resumed from it would leave out the rest. The callback says so.

    Lightning's ModelCheckpoint writes half an epoch like a whole one, and never deletes the
    checkpoint that it resumed from.

    Args:
        folder: of the checkpoints.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's checkpoint."""
        if trainer.fast_dev_run or not trainer.is_last_batch:
            return
        path = self.folder / f"epoch-{trainer.current_epoch:03d}.ckpt"
        trainer.save_checkpoint(path, weights_only=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that the last epoch is not finished, if it is not, and where to go on."""
        if trainer.is_last_batch or not trainer.is_global_zero:
            return
        trainer.strategy.checkpoint_io.teardown()
        epoch = trainer.current_epoch - 1  # Lightning counts it as completed
        if newest(self.folder) is None:
            goes_on = "no epoch is finished, so that there is no checkpoint to go on from"
        else:
            goes_on = "--ckpt_path last goes on after the last finished epoch"
        print(f"the run ended early, in epoch {epoch}: {goes_on}")
