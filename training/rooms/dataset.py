"""An endless supply of rooms, rendered while the network trains."""

from __future__ import annotations

from torch.utils.data import Dataset

from moa_depth_ros.intrinsics import Intrinsics
from training.data.sample import Sample, make_sample
from training.rooms.streams import sample_frame


class RoomsDataset(Dataset[Sample]):
    """Frames of one random stream, each rendered when it is asked for.

    Every index from 0 is a frame, the same on every machine; ``length`` only says how many of them
    make an epoch.

    Args:
        seed: of the stream.
        length: frames in an epoch.
        camera: the camera that they are rendered with.
    """

    def __init__(self, seed: int, length: int, camera: Intrinsics):
        self.seed = seed
        self.length = length
        self.camera = camera

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        frame = sample_frame(self.seed, index, self.camera)
        return make_sample(frame.picture.transpose(2, 0, 1), frame.depth, index, frame.scene_type)
