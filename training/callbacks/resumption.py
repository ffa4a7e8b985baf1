"""A run with a limit of steps goes on after an epoch as one without."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class ResumeAfterEpoch(Callback):
    """Hides ``max_steps`` from Lightning while it takes up the state of a checkpoint.

    At the end of an epoch, where checkpoints are written, Lightning has not yet counted the epoch
    as completed. It makes up for that when it resumes, but not where there are ``max_steps``: it
    would go on at the end of that epoch, and take the next one for done.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hide it; the state of the loops comes next."""
        self._max_steps = trainer.max_steps
        if trainer.ckpt_path is not None:
            trainer.fit_loop.epoch_loop.max_steps = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring it back."""
        trainer.fit_loop.epoch_loop.max_steps = self._max_steps
