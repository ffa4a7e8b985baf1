"""A power cut and Ctrl-C in the middle of an epoch, for the trainer's command line."""

from __future__ import annotations

import os
import signal

from lightning.pytorch import Callback


class KillInSecondEpoch(Callback):
    """Kills its own process after the first batch of the second epoch."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class InterruptInSecondEpoch(Callback):
    """Ctrl-C after the first batch of the second epoch."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt
