"""An estimator whose device has no memory."""

import torch

from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.machine.device_memory import OutOfMemoryError


class Exhausted:
    """Says that it is on a GPU; finds no memory there for the first batches.

    Args:
        model, device, precision: as `DepthEstimator`'s.
        batches: how many fail.
    """

    def __init__(self, model, device, precision, batches=1_000_000):
        self.device = torch.device("cuda", 0)
        self._left = batches
        self._real = DepthEstimator(model, "cpu", precision)
        self.model, self.precision = self._real.model, precision
        self.training_camera = self._real.training_camera

    def warm_up(self):
        pass

    def clear_graphs(self):
        pass

    def estimate_batch(self, pictures):
        if self._left:
            self._left -= 1
            raise OutOfMemoryError("CUDA out of memory.")
        return self._real.estimate_batch(pictures)
