"""A first batch that takes longer than the run is allowed, for the trainer's command line."""

from __future__ import annotations

import time

from lightning.pytorch import Callback

LIMIT = "00:00:00:01"


class SleepInFirstBatch(Callback):
    """Sleeps for more than a second in the first batch that is trained."""

    slept = False

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if not self.slept:
            time.sleep(1.1)
        self.slept = True
