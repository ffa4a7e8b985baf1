"""Which epochs get a checkpoint."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from training.checkpoints import newest


class EpochCheckpoints(Checkpoint):
    """Writes ``epoch-NNN.ckpt`` after finished epochs.

    An epoch cut short because the run's time or steps were used up gets none: a run resumed from
    it would leave out the remaining batches. The callback says so.

    On a GPU, an epoch can take less time than writing its checkpoint to disk. An epoch that ends
    while another one's is still being written gets none, unless the run ends with it.

    Lightning's ModelCheckpoint writes half an epoch like a whole one, and never deletes the
    checkpoint that it resumed from.

    Args:
        folder: of the checkpoints.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._written: Future[None] | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's checkpoint."""
        if trainer.fast_dev_run or not trainer.is_last_batch:
            return
        writing = self._written is not None and not self._written.done()
        # The first process, which writes, decides: all of them save, or none.
        if trainer.strategy.broadcast(writing) and not _ends(trainer):
            return
        path = self.folder / f"epoch-{trainer.current_epoch:03d}.ckpt"
        trainer.save_checkpoint(path, weights_only=False)
        self._written = getattr(trainer.strategy.checkpoint_io, "written", None)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """If the last epoch is not finished, say so, and where to resume."""
        if trainer.is_last_batch or not trainer.is_global_zero:
            return
        trainer.strategy.checkpoint_io.teardown()
        epoch = trainer.current_epoch - 1  # Lightning counts it as completed
        if (last := newest(self.folder)) is None:
            goes_on = "no epoch is finished, so there is no checkpoint to resume from"
        else:
            goes_on = f"--ckpt_path last resumes from {last.name}"
        print(f"the run ended early, in epoch {epoch}: {goes_on}")


def _ends(trainer: Trainer) -> bool:
    """Whether the run ends with the epoch that ends now."""
    last_epoch = trainer.current_epoch + 1 == trainer.max_epochs
    return last_epoch or trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step
