"""What a configuration names under ``data``: where images come from and how they are batched."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Literal

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler

from moa_depth_ros.intrinsics import Intrinsics
from training.data.held_out import hold_out
from training.data.resident import ResidentLoader, free_bytes, read_onto, resident_bytes
from training.data.workers import data_loader, readers
from training.errors import CheckpointError, TrainingError

Residence = Literal["auto", "device", "stream"]
_LARGEST_SHARE = 0.5  # of the free memory; the network and its activations need the rest


def require_at_least(least: int, **numbers: int) -> None:
    """Refuse smaller numbers.

    Raises:
        TrainingError: naming the number.
    """
    for name, found in numbers.items():
        if found < least:
            raise TrainingError(f"{name}: expected at least {least}, found {found}")


class DepthDataModule(L.LightningDataModule, ABC):
    """Loaders for two data sets, which ``setup`` opens.

    Args:
        batch_size: images per batch and process.
        num_workers: processes that read; 0 reads in the training process.
        residence: ``device`` reads both data sets onto the training device at the start, with more
            processes if there are cores, and makes batches there; ``stream`` reads each image when
            it is needed; ``auto`` is ``device`` on a GPU if both fit in half of its free memory,
            else ``stream``. On the device, depth has half precision.

    Attributes:
        camera: the camera of the training images, for the model folder.
        seed: of the order of images, or of the stream they come from.

    Raises:
        TrainingError: the batch size or the number of processes is too small.
    """

    camera: Intrinsics
    seed: int
    train_set: Dataset
    val_set: Dataset

    def __init__(self, batch_size: int, num_workers: int, residence: Residence = "stream"):
        super().__init__()
        require_at_least(1, batch_size=batch_size)
        require_at_least(0, num_workers=num_workers)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.residence = residence
        self._resumed_epoch = 0
        self._division = "--held_out 0"
        self._held_out = ""

    def hold_out(self, share: float) -> None:
        """Validate on a share of the training images, drawn by ``seed``, instead.

        Raises:
            DataError: as :func:`training.data.held_out.hold_out`.
        """
        self.train_set, self.val_set = hold_out(self.train_set, share, self.seed)
        self._division = f"--held_out {share:g} --data.seed {self.seed}"
        held = [(place, self.val_set.dataset.recording(place)) for place in self.val_set.indices]
        self._held_out = hashlib.sha256(repr(held).encode()).hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint stores: the next epoch, and what is held out."""
        assert self.trainer is not None
        next_epoch = self.trainer.fit_loop.epoch_progress.current.processed
        return {
            "next_epoch": next_epoch,
            "division": self._division,
            "held_out": self._held_out,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the epoch after the checkpoint's.

        Raises:
            CheckpointError: other images are held out.
        """
        self._resumed_epoch, began = state_dict["next_epoch"], state_dict["division"]
        if began != self._division:
            raise CheckpointError(
                f"expected {began}, with which the run began, found {self._division}: the best "
                "epoch would be chosen on images that were trained on; resume with the former, or "
                "start another run with --output"
            )
        if state_dict["held_out"] != self._held_out:
            raise CheckpointError(
                "data: expected the images with which the run began, found others: the best epoch "
                "would be chosen on images that were trained on; resume with the former, or start "
                "another run with --output"
            )

    @abstractmethod
    def train_sampler(self) -> DistributedSampler:
        """Order of the training images."""

    def train_dataloader(self) -> DataLoader | ResidentLoader:
        """Batches of training samples."""
        sampler = self.train_sampler()
        # Lightning starts the first iterator before it tells the sampler the epoch of a resumed
        # run, and with a schedule even before it knows that epoch itself.
        assert self.trainer is not None
        sampler.set_epoch(max(self.trainer.current_epoch, self._resumed_epoch))
        if self._on_device:
            return self._resident(self.train_set, sampler)
        return self._stream(self.train_set, sampler)

    def val_dataloader(self) -> DataLoader | ResidentLoader:
        """Batches of validation samples, in their order."""
        if self._on_device:
            replica = self._replica()
            sampler: DistributedSampler = DistributedSampler(
                self.val_set, replica["world_size"], replica["rank"], shuffle=False
            )
            return self._resident(self.val_set, sampler)
        return self._stream(self.val_set, None)

    def transfer_batch_to_device(
        self, batch: dict[str, Any], device: torch.device, dataloader_idx: int
    ) -> dict[str, Any]:
        """All but the indices, which the host reads: from a device, it would have to wait."""
        moved = {key: value for key, value in batch.items() if key != "index"}
        moved = super().transfer_batch_to_device(moved, device, dataloader_idx)
        return {**moved, "index": batch["index"]}

    @cached_property
    def _on_device(self) -> bool:
        """Whether the data sets are kept on the training device; prints it."""
        if self.residence == "stream":
            return False
        assert self.trainer is not None
        device = self._device
        needed = resident_bytes(self.train_set) + resident_bytes(self.val_set)
        free = free_bytes(device)
        chosen = self.residence == "device" or needed <= _LARGEST_SHARE * free
        if self.trainer.is_global_zero:
            where = f"kept on {device}" if chosen else f"streamed by {self._reading}"
            left = f", {free / 1e9:.2f} GB are free on {device}" if free else ""
            print(f"images: {where} ({needed / 1e9:.2f} GB{left})")
        return chosen

    @property
    def _reading(self) -> str:
        workers = self.num_workers
        return f"{workers} worker{'s' * (workers > 1)}" if workers else "the training process"

    @property
    def _device(self) -> torch.device:
        """The one that the run trains on; the CPU without a run."""
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def _stream(self, dataset: Dataset, sampler: Sampler | None) -> DataLoader:
        workers = self.num_workers
        options = {"batch_size": self.batch_size, "sampler": sampler}
        return data_loader(
            dataset, workers, self._device, **options, persistent_workers=workers > 0
        )

    def _resident(self, dataset: Dataset, sampler: DistributedSampler) -> ResidentLoader:
        assert self.trainer is not None
        # One by one: what all readers have ready is in /dev/shm, which is small in a container.
        workers = readers(self.num_workers, self.trainer.num_devices)
        reading = data_loader(dataset, workers, self._device, batch_size=1)
        return ResidentLoader(read_onto(dataset, self._device, reading), self.batch_size, sampler)

    def _replica(self) -> dict[str, int]:
        assert self.trainer is not None
        return {"world_size": self.trainer.world_size, "rank": self.trainer.global_rank}
