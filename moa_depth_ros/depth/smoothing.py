"""Less flicker from picture to picture. On any device."""

from __future__ import annotations

import math
from collections.abc import Hashable

import torch
from torch import Tensor

MAX_GAP_SECONDS = 1.0
"""After a longer pause, the scene is another one."""


class DepthSmoother:
    """An exponential average of the logarithm of depth, for each pixel, that lets changes through.

    m' = s m + (1 - s) ln d, where |ln d - m| is what noise does; where it is more, the pixel starts
    again: m' = ln d. So a thing that moves leaves nothing behind. Of noise that is independent from
    picture to picture, a standard deviation of sqrt((1 - s) / (1 + s)) times its own remains.
    """

    def __init__(self) -> None:
        self._mean: Tensor | None = None  # (H, W) of ln(metres)
        self._of: Hashable = None
        self._seconds = -math.inf

    def smooth(
        self, depth: Tensor, strength: float, max_change: float, seconds: float, source: Hashable
    ) -> Tensor:
        """The average, with this picture in it.

        Args:
            depth: (H, W) float32 metres; what is not finite or not above 0 is given back as it is,
                and its pixel starts again.
            strength: s, 0 <= s < 1; 0 gives ``depth`` itself and forgets what was.
            max_change: of depth, relative to the average, that counts as noise: 0.1 smooths between
                1 / 1.1 and 1.1 times the average.
            seconds: the picture's time. A time before the last one or more than `MAX_GAP_SECONDS`
                after it starts everything again.
            source: camera, model and whatever else makes depth another one when it changes.
        """
        of = (source, depth.shape, depth.device)
        gap = seconds - self._seconds
        begins = of != self._of or not 0 <= gap <= MAX_GAP_SECONDS
        self._of, self._seconds = of, seconds
        if strength == 0:
            self._mean = None
            return depth
        now = depth.log()
        if self._mean is None or begins:
            self._mean = now
            return depth
        is_noise = (now - self._mean).abs() <= math.log1p(max_change)  # not so for NaN, infinity
        self._mean = torch.where(is_noise, torch.lerp(now, self._mean, strength), now)
        return torch.where(is_noise, self._mean.exp(), depth)
