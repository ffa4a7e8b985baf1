"""Kitchens, laundries and bathrooms as lists of boxes, in real sizes (frames as in piece.py)."""

from __future__ import annotations

import numpy as np

from training.rooms.boxes import Part
from training.rooms.materials import BLACK, Kind, Material, Palette, pick
from training.rooms.piece import Piece


def kitchen_run(rng: np.random.Generator, palette: Palette) -> Piece:
    """Three to five base cupboards of 0.6 m with a worktop at 0.9 m, sink, stove, wall cupboards
    above.
    """
    units = int(rng.integers(3, 6))
    width, front = units * 0.6, palette.front(0.6, 0.72)
    top = palette.plain((60, 60, 62), (200, 195, 188), (120, 90, 65), (225, 224, 220))
    upper_z, upper_h = 1.42, rng.choice([0.6, 0.72])
    parts = [
        Part(0, 0.26, 0, width, 0.52, 0.1, palette.dark),
        Part(0, 0.28, 0.1, width, 0.56, 0.76, front),
        Part(0, 0.3, 0.86, width + 0.02, 0.6, 0.04, top),
        Part(0, 0.005, 0.9, width, 0.01, upper_z - 0.9, splashback(rng, palette)),
    ]
    stove, sink = rng.permutation(units)[:2] * 0.6 - width / 2 + 0.3
    parts += stove_parts(palette, float(stove)) + sink_parts(palette, float(sink))
    for i in range(units):
        x = (i + 0.5) * 0.6 - width / 2
        if abs(x - stove) < 0.1:
            parts.append(Part(x, 0.25, 1.55, 0.6, 0.5, 0.12, palette.metal))
            parts.append(Part(x, 0.12, 1.67, 0.25, 0.24, upper_z + upper_h - 1.67, palette.metal))
        elif rng.random() < 0.85:
            parts.append(Part(x, 0.17, upper_z, 0.6, 0.34, upper_h, front))
            parts.append(Part(x + 0.25, 0.35, upper_z + 0.05, 0.015, 0.02, 0.14, palette.metal))
        parts.append(Part(x, 0.57, 0.78, 0.16, 0.02, 0.015, palette.metal))
    return Piece(parts, width + 0.02, 0.6, 0.6)


def splashback(rng: np.random.Generator, palette: Palette) -> Material:
    """Tiles behind a worktop, 0.1-0.2 m square."""
    size = float(rng.choice([0.1, 0.15, 0.2]))
    white = ((235, 235, 230), (205, 215, 215), (180, 160, 130), (120, 150, 150))
    return Material(
        Kind.TILES, pick(rng, white), pick(rng, ((160, 160, 156),)), (size, size), palette.seed()
    )


def stove_parts(palette: Palette, x: float) -> list[Part]:
    """A hob, an oven's door and its handle, x metres along a kitchen run."""
    black = Material(Kind.PLAIN, BLACK)
    return [
        Part(x, 0.3, 0.9, 0.58, 0.5, 0.008, black),
        Part(x, 0.5625, 0.16, 0.56, 0.005, 0.48, black),
        Part(x, 0.5625, 0.66, 0.56, 0.005, 0.1, palette.metal),
        Part(x, 0.585, 0.6, 0.46, 0.02, 0.02, palette.metal),
    ]


def sink_parts(palette: Palette, x: float) -> list[Part]:
    """A sink and its tap, x metres along a kitchen run."""
    steel = palette.plain((165, 168, 172))
    return [
        Part(x, 0.3, 0.9, 0.5, 0.42, 0.006, steel),
        Part(x, 0.3, 0.906, 0.4, 0.3, 0.002, palette.plain((95, 97, 100))),
        Part(x, 0.06, 0.9, 0.03, 0.03, 0.25, steel),
        Part(x, 0.125, 1.15, 0.025, 0.16, 0.025, steel),
    ]


def fridge(rng: np.random.Generator, palette: Palette) -> Piece:
    """A refrigerator 0.6-0.75 m wide, 1.5-1.85 m high, with two doors."""
    width, height = rng.uniform(0.6, 0.75), rng.uniform(1.5, 1.85)
    body = palette.plain((236, 236, 234), (180, 183, 186), (60, 62, 66))
    split = rng.uniform(0.6, 1.15)
    parts = [
        Part(0, 0.3, 0.03, width, 0.6, height - 0.03, body),
        Part(0, 0.31, 0, width - 0.06, 0.52, 0.03, palette.dark),
        Part(0, 0.6015, split, width, 0.003, 0.012, palette.dark),
        Part(width / 2 - 0.06, 0.62, split + 0.06, 0.025, 0.04, 0.28, palette.metal),
        Part(width / 2 - 0.06, 0.62, split - 0.4, 0.025, 0.04, 0.34, palette.metal),
    ]
    return Piece(parts, width + 0.02, 0.65, 0.5)


def washing_machine(rng: np.random.Generator, palette: Palette) -> Piece:
    """A white 0.6 m machine, 0.85 m high, with a dark window and a panel."""
    white, dark = palette.plain((238, 238, 236), (200, 200, 202)), palette.plain((50, 52, 58))
    parts = [
        Part(0, 0.3, 0, 0.6, 0.58, 0.85, white),
        Part(0, 0.595, 0.25, 0.36, 0.01, 0.36, palette.metal),
        Part(0, 0.603, 0.29, 0.28, 0.006, 0.28, dark),
        Part(0.08, 0.5925, 0.72, 0.4, 0.005, 0.09, dark),
    ]
    return Piece(parts, 0.62, 0.61, 0.5)


def bathtub(rng: np.random.Generator, palette: Palette) -> Piece:
    """A tub 1.5-1.7 m long with its rim at 0.56 m, lengthwise against the wall."""
    width, rim = rng.uniform(1.5, 1.7), 0.09
    white = palette.plain((240, 240, 238))
    parts = [
        Part(0, 0.35, 0, width, 0.7, 0.2, white),
        *[Part(0, y, 0.2, width, rim, 0.36, white) for y in (rim / 2, 0.7 - rim / 2)],
        *[Part(s * (width - rim) / 2, 0.35, 0.2, rim, 0.7 - 2 * rim, 0.36, white) for s in (-1, 1)],
        Part(0, 0.12, 0.56, 0.2, 0.05, 0.1, palette.metal),
    ]
    return Piece(parts, width, 0.7, 0.4)


def toilet(rng: np.random.Generator, palette: Palette) -> Piece:
    """Cistern, bowl and lid; the seat at 0.42 m."""
    white = palette.plain((240, 240, 238))
    parts = [
        Part(0, 0.09, 0.36, 0.38, 0.18, 0.42, white),
        Part(0, 0.36, 0, 0.24, 0.4, 0.3, white),
        Part(0, 0.4, 0.3, 0.36, 0.44, 0.09, white),
        Part(0, 0.41, 0.39, 0.37, 0.45, 0.03, palette.plain((240, 240, 238), (170, 130, 90))),
        Part(0, 0.09, 0.78, 0.06, 0.06, 0.01, palette.metal),
        Part(0, 0.09, 0.0, 0.2, 0.14, 0.36, white),
    ]
    return Piece(parts, 0.5, 0.65, 0.4)


def washbasin(rng: np.random.Generator, palette: Palette) -> Piece:
    """A basin at 0.85 m on a cupboard, with a mirror above."""
    width = rng.uniform(0.55, 1.1)
    white = palette.plain((240, 240, 238))
    mirror = Material(
        Kind.SCREEN,
        pick(rng, ((120, 130, 135), (150, 158, 160))),
        (0.05, 0.05, 0.05),
        seed=2 * palette.seed(),
    )
    parts = [
        Part(0, 0.2, 0.1, width - 0.06, 0.4, 0.62, palette.front(width / 2, 5.0)),
        Part(0, 0.2, 0, width - 0.16, 0.34, 0.1, palette.dark),
        Part(0, 0.24, 0.72, width, 0.48, 0.13, white),
        Part(0, 0.26, 0.85, width - 0.16, 0.3, 0.003, palette.plain((215, 217, 218))),
        Part(0, 0.06, 0.85, 0.03, 0.03, 0.14, palette.metal),
        Part(0, 0.11, 0.99, 0.025, 0.13, 0.025, palette.metal),
        Part(0, 0.01, 1.15, width - 0.05, 0.02, rng.uniform(0.6, 0.8), mirror),
    ]
    return Piece(parts, width, 0.48, 0.5)
