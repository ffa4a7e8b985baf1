"""A data set that is kept on the training device, where its batches are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler
from tqdm import tqdm

from training.data.depth_set import DepthSet
from training.data.held_out import Part

_PICTURE_BYTES, _DEPTH_BYTES = 3, 2  # of a pixel: uint8 RGB, half-precision metres


@dataclasses.dataclass(frozen=True)
class ResidentSet:
    """All samples of a data set.

    Attributes:
        picture: (M, 3, H, W) uint8 RGB on the device.
        depth: (M, H, W) float16 metres on the device, within 0.05 % of what was read; 0 where
            there is no reading.
        index: (M,) int64 on the host, the images' numbers in their data set.
        scene: their scene types.
    """

    picture: Tensor
    depth: Tensor
    index: Tensor
    scene: list[str]

    def __len__(self) -> int:
        return len(self.index)


class ResidentLoader:
    """Batches of a resident data set, as a DataLoader makes them from a streamed one.

    For a batch, the host launches two gathers and waits for nothing.

    Args:
        samples: on the device.
        batch_size: images per batch; the last one may have fewer.
        sampler: the order. The trainer tells it the epoch.
    """

    def __init__(self, samples: ResidentSet, batch_size: int, sampler: DistributedSampler):
        self.samples = samples
        self.batch_sampler = BatchSampler(sampler, batch_size, drop_last=False)

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Samples with one more dimension in front, images and depth on the device."""
        samples, batches = self.samples, list(self.batch_sampler)
        order = torch.tensor([place for batch in batches for place in batch])
        on_device = order.to(samples.picture.device).split(self.batch_sampler.batch_size)
        for places, there in zip(batches, on_device, strict=True):
            yield {
                "picture": samples.picture.index_select(0, there),
                "depth": samples.depth.index_select(0, there).float(),
                "index": samples.index[places],
                "scene": [samples.scene[place] for place in places],
            }


def read_onto(dataset: DepthSet | Part, device: torch.device, readers: DataLoader) -> ResidentSet:
    """Read a whole data set onto a device, with a progress bar.

    Args:
        dataset: what is read.
        device: where it goes.
        readers: a loader of its samples in their order, in batches of any size.

    Raises:
        DataError: from the reader.
    """
    count, (height, width) = len(dataset), dataset.size
    samples = ResidentSet(
        torch.empty((count, 3, height, width), dtype=torch.uint8, device=device),
        torch.empty((count, height, width), dtype=torch.float16, device=device),
        torch.empty(count, dtype=torch.int64),
        [],
    )
    start = 0
    with tqdm(total=count, desc="reading", unit="image", disable=None) as bar:
        for batch in readers:
            part = slice(start, start + len(batch["index"]))
            for key in ("picture", "depth", "index"):
                getattr(samples, key)[part] = batch[key]
            samples.scene.extend(batch["scene"])
            start = part.stop
            bar.update(len(batch["index"]))
    return samples


def resident_bytes(dataset: DepthSet | Part) -> int:
    """Memory that a data set takes on a device."""
    height, width = dataset.size
    return len(dataset) * height * width * (_PICTURE_BYTES + _DEPTH_BYTES)


def free_bytes(device: torch.device) -> int:
    """Memory that a GPU has free for a data set; 0 on a CPU.

    On a CPU, reading doesn't limit training, and half-precision depth would make a resumed run
    depend on what was free at each start.
    """
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
