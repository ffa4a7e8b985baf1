"""A loss that is NaN or infinite ends the run, and the samples that gave it are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from safetensors.torch import save_file
from torch import Tensor

from moa_depth_ros.pictures.files import write_picture
from training.checkpoints import newest
from training.errors import NonFiniteLossError


class StopOnNonFiniteLoss(Callback):
    """Checks the loss of every step before the weights change.

    The result is copied to the host while the device runs the backward pass, so that a GPU doesn't
    wait for it.

    Args:
        folder: a batch with such a loss is saved below it.
        checkpoints: folder of the run's; the advice depends on whether there are any yet.

    Raises:
        NonFiniteLossError: the loss of a step, that of a whole validation, or a weight at the end
            of an epoch is NaN or infinite.
    """

    def __init__(self, folder: Path, checkpoints: Path):
        self.folder = folder
        self.checkpoints = checkpoints

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        """Remember the batch."""
        self._batch, self._batch_idx = batch, batch_idx

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Start the check, without waiting for its result."""
        self._finite = torch.isfinite(loss.detach()).to("cpu", non_blocking=True)
        self._arrived = torch.cuda.Event() if loss.is_cuda else None
        if self._arrived is not None:
            self._arrived.record()

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the result; the device meanwhile runs the backward pass."""
        if self._arrived is not None:
            self._arrived.synchronize()
        if not self._finite:
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Weights that the last step of an epoch spoiled are not written as its checkpoint."""
        loss = trainer.callback_metrics.get("val/loss")
        if loss is not None and not torch.isfinite(loss):
            raise NonFiniteLossError(
                f"the validation loss is not finite ({loss.item():g}) in epoch "
                f"{trainer.current_epoch}; {self._way_on(trainer)}"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Weights that are not finite are not written, even if nothing was validated."""
        finite = [p.detach().isfinite().all() for p in pl_module.parameters() if p.requires_grad]
        if not torch.stack(finite).all():
            raise NonFiniteLossError(
                f"weights are not finite at the end of epoch {trainer.current_epoch}; "
                f"{self._way_on(trainer)}"
            )

    def _stop(self, trainer: Trainer) -> None:
        epoch, indices = trainer.current_epoch, self._batch["index"].tolist()
        terms = {
            name.removeprefix("train/").removesuffix("_step"): f"{value.item():g}"
            for name, value in trainer.callback_metrics.items()
            if name.startswith("train/") and name.endswith("_step")
        }
        name = f"epoch-{epoch:03d}-batch-{self._batch_idx:05d}-process-{trainer.global_rank}"
        found = {"epoch": epoch, "batch": self._batch_idx, "index": indices, "loss": terms}
        save_batch(self.folder / name, self._batch, found)
        values = ", ".join(f"{name} {value}" for name, value in terms.items())
        raise NonFiniteLossError(
            f"the loss is not finite ({values}) in epoch {epoch}, batch {self._batch_idx}; the "
            f"samples have the indices {indices} and are in {self.folder / name}. This step did "
            "not change the weights, but earlier steps may have spoiled them; look at these "
            f"samples, or {self._way_on(trainer)}"
        )

    def _way_on(self, trainer: Trainer) -> str:
        trainer.strategy.checkpoint_io.teardown()  # a checkpoint may still be being written
        if newest(self.checkpoints) is None:
            return "start again with a lower learning rate"
        return "resume with --ckpt_path last and a lower learning rate"


def save_batch(folder: Path, batch: dict[str, Any], found: dict[str, Any]) -> None:
    """Write a batch as the data set gave it, before augmentation.

    ``batch.safetensors`` has every value; beside it are a PNG of each image to look at and
    ``samples.json`` with ``found`` and the scenes. Nothing in them is executed on reading.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
    save_file(
        {name: value.cpu().contiguous() for name, value in tensors.items()},
        folder / "batch.safetensors",
    )
    for index, picture in zip(batch["index"].tolist(), batch["picture"].cpu(), strict=True):
        write_picture(folder / f"{index}.png", picture.permute(1, 2, 0).numpy())
    text = json.dumps({**found, "scene": batch.get("scene")}, indent=2)
    (folder / "samples.json").write_text(f"{text}\n", encoding="utf-8")
