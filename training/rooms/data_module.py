"""What a configuration names under ``data`` to train on rendered rooms."""

from __future__ import annotations

from torch.utils.data import DistributedSampler

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.data_module import DepthDataModule, require_at_least
from training.data.samplers import FreshSampler
from training.errors import TrainingError
from training.rooms.dataset import RoomsDataset


class RoomsDataModule(DepthDataModule):
    """Rooms rendered while the network trains, at its input size, never the same twice.

    Args:
        seed: of the stream of training rooms.
        val_seed: of the stream of validation rooms, which stay the same in every epoch.
        rooms_per_epoch: training rooms in an epoch.
        val_rooms: validation rooms.
        batch_size: images per batch and process.
        num_workers: processes that render; 0 renders in the training process.
    """

    def __init__(
        self,
        seed: int = 0,
        val_seed: int = 1,
        rooms_per_epoch: int = 20_000,
        val_rooms: int = 200,
        batch_size: int = 32,
        num_workers: int = 2,
    ):
        super().__init__(batch_size, num_workers)
        require_at_least(0, seed=seed, val_seed=val_seed)
        require_at_least(1, rooms_per_epoch=rooms_per_epoch, val_rooms=val_rooms)
        if seed == val_seed:
            raise TrainingError(
                f"seed and val_seed: expected two different streams, found {seed} twice"
            )
        self.seed, self.val_seed = seed, val_seed
        self.rooms_per_epoch, self.val_rooms = rooms_per_epoch, val_rooms

    def setup(self, stage: str | None = None) -> None:
        """Take the size to render from the network, which may come from a model folder."""
        assert self.trainer is not None
        height, width = self.trainer.lightning_module.network_config.input_size
        self.camera = NYU_KINECT.resized(width, height)
        self.train_set = RoomsDataset(self.seed, self.rooms_per_epoch, self.camera)
        self.val_set = RoomsDataset(self.val_seed, self.val_rooms, self.camera)

    def train_sampler(self) -> DistributedSampler:
        """New rooms in every epoch."""
        return FreshSampler(self.train_set, **self._replica())
