"""The best epoch, chosen on recordings held out of the training split."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


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
        trainer.datamodule.hold_out(self.share)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best so far, wherever the run's folder lies by now."""
        paths = {
            key: self._here(state_dict[key])
            for key in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        best = paths["best_model_path"]
        if best and not os.path.isfile(best):
            warnings.warn(
                f"{best}: there is no such checkpoint; the best epoch is chosen from those to come",
                stacklevel=2,
            )
            return
        scores = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        moved = {**paths, "best_k_models": scores, "dirpath": self.dirpath}
        super().load_state_dict({**state_dict, **moved})

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose, if the epoch is finished; see :class:`training.checkpoints.EpochCheckpoints`."""
        if trainer.is_last_batch:
            super().on_train_epoch_end(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose, but not by the validation of a run that ends in the middle of an epoch."""
        if trainer.is_last_batch or not trainer.should_stop:
            super().on_validation_end(trainer, pl_module)

    def _here(self, path: str) -> str:
        assert self.dirpath is not None
        return os.path.join(self.dirpath, os.path.basename(path)) if path else ""
