"""An estimator whose device has no memory."""

import torch

from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.machine.device_memory import OutOfMemoryError


class Exhausted:
    """Says that it is on a GPU; finds no memory there for the first batches, nor for large ones.

    Args:
        model, device, precision: as `DepthEstimator`'s.
        batches: how many fail.
        room: for how many pictures at once there is memory.

    Attributes:
        asked: how many pictures each batch had, also those that failed.
        warmed: shapes of the pictures that it was warmed up on.
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
