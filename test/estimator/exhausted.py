"""An estimator whose device has no memory left."""

import torch

from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.machine.device_memory import OutOfMemoryError


class Exhausted:
    """Claims to be on a GPU, where it finds no memory for the first batches, nor for large ones.

    Args:
        model, device, precision: as in `DepthEstimator`.
        batches: how many fail.
        room: how many images at once fit into memory.

    Attributes:
        asked: the number of images in each batch, including those that failed.
        warmed: the shapes of the images that it was warmed up on.
    """

    def __init__(self, model, device, precision, batches=1_000_000, room=1_000_000):
        self.device = torch.device("cuda", 0)
        self._left, self._room = batches, room
        self.asked, self.warmed = [], []
        self._real = DepthEstimator(model, "cpu", precision)
        self.model, self.precision = self._real.model, precision
        self.training_camera = self._real.training_camera

    def warm_up(self, batch_shape):
        self.warmed.append(batch_shape)

    def clear_graphs(self):
        pass

    def estimate_batch(self, pictures):
        self.asked.append(len(pictures))
        if self._left or len(pictures) > self._room:
            self._left = max(0, self._left - 1)
            raise OutOfMemoryError("CUDA out of memory.")
        return self._real.estimate_batch(pictures)
