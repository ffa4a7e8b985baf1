"""The best epoch, chosen on recordings held out of the training split."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from training.data.held_out import hold_out


class KeepBest(ModelCheckpoint):
    """Keeps ``best.ckpt``: the weights with the least AbsRel of the fused depth.

    Validation runs on recordings held out of the training split: the test split chooses nothing.

    Args:
        folder: where the checkpoint goes.
        share: of the training pictures, held out.
    """

    def __init__(self, folder: Path, share: float):
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor="val/fused/abs_rel",
            auto_insert_metric_name=False,
            save_weights_only=True,
            enable_version_counter=False,
        )
        self.share = share

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Divide the training split, once the data module has opened it.

        Raises:
            DataError: it cannot be divided.
        """
        super().setup(trainer, pl_module, stage)
        data = trainer.datamodule
        data.train_set, data.val_set = hold_out(data.train_set, self.share, data.seed)
