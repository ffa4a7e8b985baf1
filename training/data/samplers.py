"""The order of images in an epoch: a function of seed and epoch, so that a run can resume."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import Dataset, DistributedSampler

_SEED_STEP = 1_000_003  # more than there are epochs


class ShuffledSampler(DistributedSampler[int]):
    """Every image once per epoch, in an order drawn from seed and epoch.

    Lightning calls ``set_epoch`` before each epoch. A single process is a single replica.
    """

    def __init__(self, dataset: Dataset, seed: int, world_size: int = 1, rank: int = 0):
        # The order is drawn from the sum of seed and epoch: another seed must not be a later epoch.
        super().__init__(dataset, world_size, rank, shuffle=True, seed=_SEED_STEP * seed)


class FreshSampler(DistributedSampler[int]):
    """New indices in every epoch: epoch e has those from e * length on. For endless data sets."""

    def __init__(self, dataset: Dataset, world_size: int = 1, rank: int = 0):
        super().__init__(dataset, world_size, rank, shuffle=False)

    def __iter__(self) -> Iterator[int]:
        offset = self.epoch * len(self.dataset)  # type: ignore[arg-type]
        return (offset + index for index in super().__iter__())
