"""Reduces flicker from image to image. On any device."""

from __future__ import annotations

import math
from collections.abc import Hashable

import torch
from torch import Tensor

MAX_GAP_SECONDS = 1.0
"""After a longer pause, the scene counts as a new one."""


class DepthSmoother:
    """An exponential average of the logarithm of depth, per pixel, that lets changes through.

    m' = s m + (1 - s) ln d, as long as |ln d - m| is small enough to be noise; otherwise the pixel
    restarts: m' = ln d. A moving object therefore leaves nothing behind. Noise that is independent
    from image to image keeps sqrt((1 - s) / (1 + s)) times its standard deviation.
    """

    def __init__(self) -> None:
        self._mean: Tensor | None = None  # (H, W) of ln(metres)
        self._of: Hashable = None
        self._seconds = -math.inf

    def smooth(
        self, depth: Tensor, strength: float, max_change: float, seconds: float, source: Hashable
    ) -> Tensor:
        """The average, including this image.

        Args:
            depth: (H, W) float32 metres; values that are not finite or not above 0 are returned
                unchanged, and their pixels restart.
            strength: s, 0 <= s < 1; 0 returns ``depth`` itself and forgets the past.
            max_change: of depth, relative to the average, that counts as noise: 0.1 smooths between
                1 / 1.1 and 1.1 times the average.
            seconds: the image's time. A time before the last one, or more than `MAX_GAP_SECONDS`
                after it, restarts everything.
            source: camera, model and everything else that makes depth incomparable when it changes.
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
        is_noise = (now - self._mean).abs() <= math.log1p(max_change)  # False for NaN, infinity
        self._mean = torch.where(is_noise, torch.lerp(now, self._mean, strength), now)
        return torch.where(is_noise, self._mean.exp(), depth)
