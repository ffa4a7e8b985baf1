"""Writes a data set of any layout as the single file that :mod:`training.data.packed` reads."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.pictures.files import MILLIMETRES
from training.data.depth_set import DepthSet
from training.data.hdf5 import check_space, writing
from training.data.nyu_labelled import RENDERED, Split
from training.data.packed import FORMAT, is_packed
from training.data.sample import Sample
from training.errors import DataError
from training.resizing import prepare_depth, prepare_pictures

_MAX_MILLIMETRES = np.iinfo(np.uint16).max
_PIXEL_BYTES = 3 + 2  # of a picture and its depth


def pack(
    splits: dict[Split, DepthSet], path: Path, source: str, size: tuple[int, int] | None = None
) -> None:
    """Write both splits, one image in memory at a time, with a progress bar.

    The file appears under its name when it is complete; an interrupted run leaves none.

    Args:
        splits: what to write.
        path: of the file; an existing packed file is replaced.
        source: where the images come from, noted in the file with a SHA-256 of what was read.
        size: height and width that training images are shrunk to, as training would: images
            antialiased, depth by the nearest pixel. Test images keep their size, because the
            protocol evaluates at the size of the label.

    Raises:
        DataError: an image cannot be read, its depth cannot be written in 16 bits, or shrinking
            leaves none of its readings; or another file is there.
        TrainingError: the disk has no room for it.
        OSError: it can't be written.
    """
    if path.exists() and not is_packed(path):
        raise DataError(
            f"{path}: already exists and is not a packed file; use another name, or remove it"
        )
    sizes = {split: dataset.size for split, dataset in splits.items()}
    if size:
        sizes["train"] = size
    pixels = sum(len(splits[split]) * math.prod(sizes[split]) for split in splits)
    check_space(path, _PIXEL_BYTES * pixels)
    with whole_file(path) as unfinished, writing(unfinished, path) as file:
        file.attrs["format"], file.attrs["source"] = FORMAT, printable(source)
        file.attrs["depth"] = splits["train"].depth_kind
        file.attrs[RENDERED] = splits["train"].rendered
        for split, dataset in splits.items():
            group, where = file.create_group(split), f"{source}, {split} split"
            _write_split(group, dataset, sizes[split], where)


def _write_split(group: h5py.Group, dataset: DepthSet, size: tuple[int, int], where: str) -> None:
    height, width = size
    group.attrs.update(dataclasses.asdict(dataset.camera.resized(width, height)))
    count = len(dataset)
    pictures = group.create_dataset(
        "picture", (count, 3, height, width), np.uint8, chunks=(1, 3, height, width)
    )
    depths = group.create_dataset(
        "depth", (count, height, width), np.uint16, chunks=(1, height, width)
    )
    digest, indices, scenes, recordings = hashlib.sha256(), np.empty(count, np.int64), [], []
    bar = tqdm(range(count), desc=group.name.strip("/"), unit="image", disable=None)
    for item in bar:
        sample = dataset[item]
        digest.update(sample["picture"].numpy().data)
        digest.update(sample["depth"].numpy().data)
        pictures[item] = _small_picture(sample, size)
        depths[item] = _millimetres(sample, size, f"{where}, index {sample['index']}")
        indices[item] = sample["index"]
        scenes.append(sample["scene"].encode())
        recordings.append(dataset.recording(item).encode())
    group["index"], group["scene"] = indices, np.array(scenes, bytes)
    group["recording"] = np.array(recordings, bytes)
    group.attrs["source_sha256"] = digest.hexdigest()


def _small_picture(sample: Sample, size: tuple[int, int]) -> Tensor:
    small = prepare_pictures(sample["picture"].unsqueeze(0), size)[0]
    return small.mul(255).round().to(torch.uint8)


def _millimetres(sample: Sample, size: tuple[int, int], where: str) -> np.ndarray:
    depth = prepare_depth(sample["depth"].unsqueeze(0), size)[0].numpy()
    values = np.rint(depth.astype(np.float64) * MILLIMETRES)
    if not values.any():
        raise DataError(
            f"{where}: expected depth, but none of its {int(sample['depth'].count_nonzero())} "
            f"readings is left at {size[1]}x{size[0]} pixels, in millimetres; use a larger --size, "
            "or leave this image out of the data"
        )
    if values.max() > _MAX_MILLIMETRES:
        raise DataError(
            f"{where}: expected depth up to {_MAX_MILLIMETRES / MILLIMETRES} m, found "
            f"{depth.max():g} m"
        )
    return values.astype(np.uint16)
