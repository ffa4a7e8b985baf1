"""Sets of rendered rooms that are read like the labelled NYU Depth V2 file."""

from pathlib import Path

from moa_depth_ros.intrinsics import NYU_KINECT
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME
from training.rooms.nyu_file import write_nyu_file
from training.rooms.streams import sample_frame


def write_set(folder: Path, num_train: int, num_test: int, seed: int) -> None:
    """Write nyu_depth_v2_labeled.mat and splits.mat into the folder."""
    count = num_train + num_test
    frames = (sample_frame(seed, i, NYU_KINECT) for i in range(count))
    path, splits = folder / MAT_NAME, folder / SPLITS_NAME
    write_nyu_file(path, frames, count, splits, num_train, seed)
    print(f"wrote {path} ({count} rooms), {splits} ({num_train} to train, {num_test} to test)")
