"""Tables and chairs, in real sizes."""

from __future__ import annotations

import numpy as np

from training.rooms.boxes import Part
from training.rooms.materials import Material, Palette
from training.rooms.piece import Piece, PieceMaker, placed


def legs(
    width: float,
    depth: float,
    height: float,
    thick: float,
    material: Material,
    y0: float = 0.0,
    inset: float = 0.0,
) -> list[Part]:
    """Four square legs under the corners of a top.

    Args:
        width, depth: of the top, metres.
        height, thick: of the legs, metres.
        material: of the legs.
        y0: the back of the top, metres.
        inset: from its edges, metres.
    """
    x = 0.5 * width - 0.5 * thick - inset
    ys = (y0 + inset + 0.5 * thick, y0 + depth - inset - 0.5 * thick)
    return [Part(sx * x, y, 0, thick, thick, height, material) for sx in (-1, 1) for y in ys]


def chair(rng: np.random.Generator, palette: Palette) -> Piece:
    """A dining or classroom chair: seat at 0.45 m, back to 0.8-0.95 m; its back is at y = 0."""
    width, depth, top = rng.uniform(0.4, 0.46), rng.uniform(0.4, 0.46), rng.uniform(0.8, 0.95)
    frame = palette.wood2 if rng.random() < 0.6 else palette.metal
    seat = palette.fabric if rng.random() < 0.4 else frame
    back_from = rng.choice([0.47, 0.6])
    parts = [Part(0, depth / 2, 0.42, width, depth, 0.03, seat)]
    parts += legs(width, depth, 0.42, 0.035, frame)
    parts.append(Part(0, 0.0125, back_from, width, 0.025, top - back_from, seat))
    parts += [
        Part(s * (width / 2 - 0.0175), 0.0125, 0.45, 0.035, 0.025, back_from - 0.45, frame)
        for s in (-1, 1)
    ]
    return Piece(parts, width, depth)


def office_chair(rng: np.random.Generator, palette: Palette) -> Piece:
    """A swivel chair on a foot with two crossed beams and a column."""
    cover = palette.dark if rng.random() < 0.6 else palette.fabric
    parts = [
        Part(0, 0.25, 0.42, 0.48, 0.46, 0.07, cover),
        Part(0, 0.25, 0.08, 0.06, 0.06, 0.34, palette.dark),
        Part(0, 0.25, 0.03, 0.56, 0.05, 0.05, palette.dark),
        Part(0, 0.3875, 0.03, 0.05, 0.225, 0.05, palette.dark),
        Part(0, 0.1125, 0.03, 0.05, 0.225, 0.05, palette.dark),
        Part(0, 0.03, 0.52, 0.44, 0.06, rng.uniform(0.42, 0.6), cover),
        Part(0, 0.04, 0.49, 0.08, 0.04, 0.03, palette.dark),
    ]
    return Piece(parts, 0.56, 0.5)


def table(
    rng: np.random.Generator,
    palette: Palette,
    width: float,
    depth: float,
    height: float = 0.74,
    apron: bool = True,
) -> Piece:
    """A table with four legs.

    Args:
        rng, palette: decide the rest.
        width, depth: of the top, metres.
        height: metres; the top is within 2 cm of it.
        apron: boards under the top, unless its legs are of metal.
    """
    height += rng.uniform(-0.02, 0.02)
    thick = rng.uniform(0.025, 0.04)
    top = palette.wood if rng.random() < 0.7 else palette.lacquer
    under = palette.metal if rng.random() < 0.3 else top
    parts = [Part(0, depth / 2, height - thick, width, depth, thick, top)]
    parts += legs(width, depth, height - thick, rng.uniform(0.04, 0.07), under, inset=0.02)
    if under is top and apron:
        parts.append(Part(0, depth / 2, height - thick - 0.08, width - 0.2, depth - 0.2, 0.08, top))
    return Piece(parts, width, depth)


def seats_around(
    rng: np.random.Generator, palette: Palette, top: Piece, seat: PieceMaker, ends: bool
) -> Piece:
    """Chairs of one kind around a table, pushed in by various amounts.

    Args:
        rng, palette: decide the rest.
        top: the table.
        seat: makes a chair.
        ends: chairs at the table's ends, too.
    """
    width, depth, margin = top.width, top.depth, 0.62
    one = seat(rng, palette)
    parts = placed(top, 0, margin)
    count = max(2, int((width - 0.15) / 0.65))
    pitch = (width - 0.15) / count
    spots = [
        ((i + 0.5) * pitch - (width - 0.15) / 2, side) for i in range(count) for side in (0, 1)
    ]
    for x, side in spots:
        out = rng.uniform(0.38, 0.55)
        y, yaw = (margin - out, 0.0) if side == 0 else (margin + depth + out, np.pi)
        if rng.random() < 0.92:
            parts += placed(one, x, y, yaw + rng.normal(0, 0.05))
    if ends:
        for side in (-1, 1):
            parts += placed(
                one,
                side * (width / 2 + rng.uniform(0.4, 0.5)),
                margin + depth / 2,
                side * np.pi / 2,
            )
    return Piece(parts, width + (1.1 if ends else 0.1), depth + 2 * margin)


def dining_set(rng: np.random.Generator, palette: Palette) -> Piece:
    """A table with chairs on both long sides and perhaps at the ends."""
    width, depth = rng.uniform(1.2, 1.9), rng.uniform(0.8, 0.95)
    return seats_around(rng, palette, table(rng, palette, width, depth), chair, rng.random() < 0.5)


def conference_set(rng: np.random.Generator, palette: Palette) -> Piece:
    """A long meeting table with swivel chairs on both long sides and perhaps at the ends."""
    top = table(rng, palette, rng.uniform(2.0, 3.2), rng.uniform(0.95, 1.2))
    return seats_around(rng, palette, top, office_chair, rng.random() < 0.5)


def school_desk(rng: np.random.Generator, palette: Palette) -> Piece:
    """A desk and the chair behind it."""
    top = table(rng, palette, rng.uniform(0.7, 1.3), 0.5, apron=False)
    return Piece(placed(top, 0, 0.6) + placed(chair(rng, palette), 0, 0.22), top.width, 1.15)
