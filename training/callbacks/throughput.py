"""How many images per second a run trains on."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class PicturesPerSecond(Callback):
    """Logs ``train/pictures_per_second`` for each epoch, over all processes and without
    validation."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start counting."""
        self._pictures, self._seconds, self._mark = 0, 0.0, time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch's images and the time they took."""
        now = time.perf_counter()
        self._pictures += len(batch["index"])
        self._seconds += now - self._mark
        self._mark = now

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out the time that validation took, even between batches."""
        self._mark = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the rate."""
        rate = self._pictures / self._seconds
        pl_module.log("train/pictures_per_second", rate, sync_dist=True, reduce_fx="sum")
