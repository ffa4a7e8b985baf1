"""A progress bar that shows when the whole run ends."""

from __future__ import annotations

import datetime
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

_SECONDS_BETWEEN_READINGS = 0.5
_SECONDS_BETWEEN_DRAWINGS = 0.1


class RunProgressBar(TQDMProgressBar):
    """Lightning's bar of the epoch with the time left in the run.

    That is the time of the remaining steps at the mean pace since the run started or was resumed,
    validation included. Metrics are read twice a second at most: reading them waits for the
    device.
    """

    def __init__(self) -> None:
        super().__init__()
        self._read = -_SECONDS_BETWEEN_READINGS
        self._shown: dict[str, Any] = {}
        self._drawn = -_SECONDS_BETWEEN_DRAWINGS
        self._started, self._first_step, self._steps = time.monotonic(), 0, float("inf")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        super().on_train_start(trainer, pl_module)
        self._started, self._first_step = time.monotonic(), trainer.global_step
        self._steps = trainer.estimated_stepping_batches

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Draw, unless that was done just now: on a GPU, steps take less time than drawing."""
        now = time.monotonic()
        if trainer.is_last_batch or now - self._drawn >= _SECONDS_BETWEEN_DRAWINGS:
            self._drawn = now
            super().on_train_batch_end(trainer, *args)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """End the bars' lines, so that the error has one of its own."""
        for bar in (self._val_progress_bar, self._train_progress_bar):
            if bar is not None:
                bar.close()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """What is shown beside the bar."""
        now = time.monotonic()
        if now - self._read >= _SECONDS_BETWEEN_READINGS:
            metrics = super().get_metrics(trainer, pl_module)
            metrics.pop("v_num", None)
            done, to_do = trainer.global_step - self._first_step, self._steps - trainer.global_step
            left = time_left(now - self._started, done, to_do)
            self._shown, self._read = {**metrics, "run_left": left}, now
        return self._shown


def time_left(seconds: float, done: int, to_do: float) -> str:
    """Hours, minutes and seconds that ``to_do`` steps take if ``done`` took ``seconds``."""
    if not done or to_do == float("inf"):
        return "?"
    return str(datetime.timedelta(seconds=round(seconds / done * to_do)))
