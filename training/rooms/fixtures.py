"""Things that hang on walls and ceilings, as lists of boxes in real sizes.

A fixture's frame: x along the wall, centred; y from the wall (0) into the room; z from its own
lower edge; metres.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training.rooms.boxes import Part
from training.rooms.materials import FABRICS, Kind, Material, Palette, linear, pick, scaled


class Fixture(NamedTuple):
    """What hangs on a wall.

    Attributes:
        parts: in the fixture's frame.
        width, height: of the wall that they need from the lower edge up, metres.
        below: how far they hang below the lower edge, metres.
    """

    parts: list[Part]
    width: float
    height: float
    below: float = 0.03


FixtureMaker = Callable[[np.random.Generator, Palette], Fixture]
"""Takes the generator and the room's palette."""


def frame_parts(
    width: float, height: float, bar: float, depth: float, material: Material, sill: bool = True
) -> list[Part]:
    """A rectangular frame around an opening whose lower edge is at z = 0.

    Args:
        width, height: of the opening, metres.
        bar: breadth of the frame, metres.
        depth: of the frame, from the wall, metres.
        material: of the frame.
        sill: with a lower bar.
    """
    parts = [
        Part(s * (width + bar) / 2, depth / 2, 0, bar, depth, height, material) for s in (-1, 1)
    ]
    parts.append(Part(0, depth / 2, height, width + 2 * bar, depth, bar, material))
    if sill:
        parts.append(Part(0, depth / 2, -bar, width + 2 * bar, depth, bar, material))
    return parts


def door(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A closed door of 2.0-2.1 m x 0.75-0.95 m with frame, perhaps panels, a handle at 1.05 m."""
    width, height = rng.uniform(0.75, 0.95), rng.uniform(2.0, 2.1)
    leaf = palette.white if rng.random() < 0.5 else palette.wooden()
    parts = frame_parts(
        width, height, 0.07, 0.03, palette.trim if rng.random() < 0.6 else leaf, sill=False
    )
    parts.append(Part(0, 0.006, 0.005, width, 0.012, height - 0.005, leaf))
    side = rng.choice([-1, 1]) * (width / 2 - 0.07)
    parts.append(Part(side, 0.016, 1.0, 0.04, 0.008, 0.16, palette.metal))
    parts.append(Part(side * 0.86, 0.05, 1.04, 0.13, 0.02, 0.022, palette.metal))
    parts.append(Part(side, 0.03, 1.04, 0.02, 0.02, 0.022, palette.metal))
    style = rng.integers(3)
    if style:
        inset = Material(leaf.kind, scaled(leaf.colour, 0.82), seed=leaf.seed)
        spans = (
            ((0.2, 0.85), (1.2, height - 0.18))
            if style == 1
            else ((0.18, 0.62), (0.75, 1.15), (1.28, height - 0.16))
        )
        parts += [Part(0, 0.0135, a, width - 0.3, 0.003, b - a, inset) for a, b in spans]
    return Fixture(parts, width + 0.14, height + 0.07)


def window(rng: np.random.Generator, palette: Palette, width: float, day: float) -> Fixture:
    """A window 1.0-1.5 m high: panes with the outside, frame, mullions, sill, perhaps curtains.

    Args:
        rng, palette: decide the rest.
        width: of the panes, metres.
        day: 0 night .. 1 noon.
    """
    height, bar = rng.uniform(1.0, 1.5), rng.uniform(0.05, 0.08)
    sky = pick(rng, ((200, 220, 245), (225, 230, 238), (245, 235, 220)))
    land = pick(rng, ((90, 115, 70), (120, 110, 100), (150, 140, 130), (70, 95, 60)), 12)
    outside = Material(Kind.OUTSIDE, sky, land, seed=palette.seed(), emission=0.02 + 3.5 * day)
    frame = palette.trim if rng.random() < 0.5 else palette.white
    parts = [
        Part(0, 0.005, 0, width, 0.01, height, outside),
        *frame_parts(width, height, bar, 0.045, frame),
    ]
    for i in range(1, max(1, round(width / 0.75))):
        parts.append(
            Part((i / round(width / 0.75) - 0.5) * width, 0.02, 0, 0.05, 0.03, height, frame)
        )
    if rng.random() < 0.3:
        parts.append(Part(0, 0.02, 0.55 * height, width, 0.028, 0.04, frame))
    parts.append(Part(0, 0.08, -bar - 0.025, width + 0.2, 0.16, 0.025, palette.white))
    total, drop = width + 0.2, 0.1
    if rng.random() < 0.5:
        curtain, share = palette.curtain(), rng.uniform(0.22, 0.4)
        drop = rng.choice([0.12, 0.75])
        for s in (-1, 1):
            parts.append(
                Part(
                    s * (width / 2 + 0.08), 0.22, -drop, share, 0.08, height + 0.12 + drop, curtain
                )
            )
        parts.append(Part(0, 0.22, height + 0.12, width + 0.7, 0.03, 0.03, palette.metal))
        total = width + 0.75
    return Fixture(parts, total, height + 0.2, drop)


def picture(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A framed picture, 0.3-1.1 m wide, 0.3-0.8 m high."""
    width, height = rng.uniform(0.3, 1.1), rng.uniform(0.3, 0.8)
    frame = rng.choice(4)
    material = (palette.dark, palette.white, palette.wood, palette.metal)[frame]
    parts = [
        Part(0, 0.008, 0, width, 0.016, height, palette.art()),
        *frame_parts(width, height, 0.03, 0.025, material),
    ]
    return Fixture(parts, width + 0.1, height + 0.1)


def board(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A whiteboard or blackboard 1.2-3 m wide with a tray."""
    width, height = rng.uniform(1.2, 3.0), rng.uniform(0.95, 1.2)
    face = pick(rng, ((240, 241, 242), (240, 241, 242), (45, 70, 55), (45, 45, 48)))
    parts = [
        Part(0, 0.01, 0, width, 0.02, height, Material(Kind.PLAIN, face)),
        *frame_parts(width, height, 0.025, 0.03, palette.metal),
        Part(0, 0.06, -0.04, width * 0.8, 0.06, 0.015, palette.metal),
    ]
    return Fixture(parts, width + 0.1, height + 0.1)


def notice_board(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A board 0.8-1.4 m wide, cork or cloth, with sheets of paper (0.21 x 0.297 m)."""
    width, height = rng.uniform(0.8, 1.4), rng.uniform(0.6, 0.9)
    parts = [
        Part(
            0,
            0.01,
            0,
            width,
            0.02,
            height,
            Material(Kind.FABRIC, pick(rng, ((190, 150, 100), (120, 130, 150)))),
        )
    ]
    columns = int(width / 0.26)
    for i in range(columns):
        for low in (0.02, 0.34) if height > 0.66 else (0.15,):
            if rng.random() < 0.7:
                paper = palette.plain((240, 240, 235), (240, 225, 150), (200, 225, 240))
                x = (i + 0.5) * (width / columns) - width / 2
                parts.append(Part(x, 0.021, low + rng.uniform(0, 0.02), 0.21, 0.002, 0.297, paper))
    return Fixture(parts, width, height)


def clock(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A clock, 0.3 m square."""
    return Fixture(
        [
            Part(0, 0.015, 0, 0.3, 0.03, 0.3, palette.dark),
            Part(0, 0.032, 0.02, 0.26, 0.004, 0.26, palette.white),
        ],
        0.3,
        0.3,
    )


def outlet(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A power outlet, 0.085 m square."""
    return Fixture(
        [
            Part(0, 0.006, 0, 0.085, 0.012, 0.085, palette.white),
            Part(0, 0.0125, 0.02, 0.045, 0.001, 0.045, palette.plain((190, 190, 190))),
        ],
        0.1,
        0.1,
    )


def switch(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A light switch, 0.085 m square."""
    return Fixture([Part(0, 0.006, 0, 0.085, 0.012, 0.085, palette.white)], 0.1, 0.1)


def radiator(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A ribbed radiator 0.5-0.6 m high, to hang 0.13 m above the floor."""
    width, height = rng.uniform(0.7, 1.4), rng.uniform(0.5, 0.6)
    ribs = Material(Kind.STRIPES, pick(rng, ((238, 238, 234),)), scale=(0.06, 0.0))
    return Fixture([Part(0, 0.07, 0, width, 0.1, height, ribs)], width, height + 0.05)


def wall_shelf(rng: np.random.Generator, palette: Palette) -> Fixture:
    """A board with a row of books and a box on it."""
    width, deep = rng.uniform(0.6, 1.2), rng.uniform(0.2, 0.26)
    fill = rng.uniform(0.4, 0.7) * width
    parts = [
        Part(0, deep / 2, 0, width, deep, 0.03, palette.wood2),
        Part(
            (fill - width) / 2 + 0.02,
            deep / 2,
            0.03,
            fill,
            deep - 0.05,
            rng.uniform(0.2, 0.27),
            palette.books(),
        ),
        Part(
            width / 2 - 0.1,
            deep / 2,
            0.03,
            0.14,
            0.14,
            rng.uniform(0.1, 0.25),
            palette.plain(*FABRICS),
        ),
    ]
    return Fixture(parts, width, 0.35)


def ceiling_lamp(
    rng: np.random.Generator, palette: Palette, office: bool, emission: float
) -> list[Part]:
    """A lamp: an office's panel, a flat square, or a pendant shade.

    Args:
        rng, palette: decide the rest.
        office: a panel of 0.3 x 1.2 m.
        emission: how brightly it glows, as a material's.

    Returns:
        Its boxes in a frame that hangs from the ceiling (z <= 0), metres.
    """
    glow = Material(Kind.PLAIN, linear((250, 246, 235)), emission=emission)
    if office:
        return [Part(0, 0, -0.06, 0.3, 1.2, 0.06, glow)]
    if rng.random() < 0.5:
        size = rng.uniform(0.25, 0.45)
        return [Part(0, 0, -0.09, size, size, 0.09, glow)]
    cord, size = rng.uniform(0.2, 0.45), rng.uniform(0.25, 0.45)
    return [
        Part(0, 0, -cord, 0.015, 0.015, cord, palette.dark),
        Part(
            0,
            0,
            -cord - 0.2,
            size,
            size,
            0.2,
            Material(Kind.PLAIN, glow.colour, emission=0.6 * emission),
            np.pi / 5,
        ),
    ]
