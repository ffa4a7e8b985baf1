"""From light to grey levels: exposure, white balance, vignette, tone curve, blur and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Pixels; noise and blur are given for an image of this width and scaled to others.
FULL_WIDTH = 640
Floats = NDArray[np.floating]


def photograph(
    radiance: Floats, rng: np.random.Generator, noise_rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The image that a small camera with automatic exposure takes.

    Args:
        radiance: (3, H, W) float32, linear, RGB.
        rng: decides brightness, white balance, vignette, blur and how strong the noise is.
        noise_rng: the noise itself.

    Returns:
        (H, W, 3) RGB.
    """
    brightness = rng.uniform(0.4, 0.62)
    balance = np.exp(rng.normal(0.0, 0.05, 3))
    vignette = rng.uniform(0.0, 0.3)
    noise = rng.uniform(1.0, 5.0)
    blur = rng.uniform(0.3, 1.0)
    _, height, width = radiance.shape
    scale = width / FULL_WIDTH
    # Metered on square roots, so that a bright window counts for little.
    metered = float(np.sqrt(radiance.mean(axis=0)).mean())
    gain = (brightness / max(metered, 1e-3)) ** 2 * balance
    y = np.linspace(-0.75, 0.75, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    shading = 1.0 - np.float32(vignette) * (x * x + y * y) * np.float32(0.6)
    light = radiance * shading * gain.astype(np.float32)[:, None, None]
    levels: Floats = 255.0 * np.sqrt(_shoulder(light))
    levels = _blurred(levels, blur * scale)
    levels += noise_rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(noise * scale)
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()


def _shoulder(light: Floats) -> Floats:
    """Linear up to mid grey, then ever slower towards 1, like a camera's tone curve."""
    return np.where(light < 0.5, light, 1.0 - 0.25 / np.maximum(light, 0.5))


def _blurred(levels: Floats, sigma: float) -> Floats:
    """A three-tap blur of about the given deviation in pixels, left out where it hardly shows."""
    if sigma < 0.25:
        return levels
    side = np.float32(min(0.5 * sigma * sigma, 0.3))
    padded = np.pad(levels, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = (1 - 2 * side) * padded[:, 1:-1] + side * (padded[:, :-2] + padded[:, 2:])
    return (1 - 2 * side) * rows[:, :, 1:-1] + side * (rows[:, :, :-2] + rows[:, :, 2:])
