"""A run with a step limit resumes after an epoch like one without."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class ResumeAfterEpoch(Callback):
    """Hides ``max_steps`` from Lightning while it restores the state of a checkpoint.

    At the end of an epoch, where checkpoints are written, Lightning has not yet counted the epoch
    as completed. It makes up for that when it resumes, but not with ``max_steps``: it would resume
    at the end of that epoch, and take the next one as done.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hide it; the state of the loops is restored next."""
        self._max_steps = trainer.max_steps
        if trainer.ckpt_path is not None:
            trainer.fit_loop.epoch_loop.max_steps = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set it again."""
        trainer.fit_loop.epoch_loop.max_steps = self._max_steps
