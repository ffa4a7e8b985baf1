"""Desks, beds and sofas as lists of boxes, in real sizes (frames as in piece.py)."""

from __future__ import annotations

import numpy as np

from training.rooms.boxes import Part, moved
from training.rooms.materials import Kind, Material, Palette, pick
from training.rooms.piece import Piece, placed, top_of
from training.rooms.seating import chair, legs, office_chair, table


def desk(rng: np.random.Generator, palette: Palette) -> Piece:
    """A desk with a computer or papers on it, perhaps drawers under it, and a chair in front."""
    width, depth = rng.uniform(1.1, 1.6), rng.uniform(0.6, 0.8)
    top = table(rng, palette, width, depth, apron=False)
    height = top_of(top.parts)
    parts = list(top.parts)
    if rng.random() < 0.6:
        parts.append(
            Part(
                width / 2 - 0.32,
                depth / 2,
                0.03,
                0.38,
                depth - 0.16,
                0.55,
                palette.front(0.38, 0.18),
            )
        )
    parts += computer(rng, palette, rng.uniform(-0.2, 0.1), depth, height)
    if rng.random() < 0.7:
        stack = rng.uniform(0.02, 0.12)
        parts.append(Part(-width / 2 + 0.2, 0.25, height, 0.22, 0.3, stack, palette.books()))
    if rng.random() < 0.5:
        parts += table_lamp(rng, palette, width / 2 - 0.15, 0.15, height)
    seat = office_chair(rng, palette) if rng.random() < 0.65 else chair(rng, palette)
    parts += placed(
        seat, rng.uniform(-0.15, 0.1), depth + rng.uniform(0.3, 0.45), np.pi + rng.normal(0, 0.15)
    )
    return Piece(parts, width, depth + 0.75)


def computer(
    rng: np.random.Generator, palette: Palette, x: float, depth: float, z: float
) -> list[Part]:
    """A monitor with keyboard, or a pile of papers, on a desk.

    Args:
        rng, palette: decide the rest.
        x: its place along the desk, metres.
        depth: of the desk, metres.
        z: the desk's height, metres.
    """
    if rng.random() < 0.25:
        return [Part(x, depth / 2, z, 0.21, 0.3, 0.005, palette.white)]
    width = rng.uniform(0.48, 0.65)
    height = 0.6 * width
    screen = screen_material(rng, palette)
    return [
        Part(x, 0.2, z, 0.22, 0.18, 0.015, palette.dark),
        Part(x, 0.19, z + 0.015, 0.06, 0.04, 0.1, palette.dark),
        Part(x, 0.2, z + 0.115, width, 0.04, height, palette.dark),
        Part(x, 0.2225, z + 0.13, width - 0.03, 0.005, height - 0.03, screen),
        Part(x, depth - 0.2, z, 0.44, 0.14, 0.02, palette.dark),
    ]


def screen_material(rng: np.random.Generator, palette: Palette) -> Material:
    """Of a monitor or television, on or off."""
    on = rng.random() < 0.5
    colour = pick(rng, ((120, 150, 190), (200, 205, 215))) if on else (0.012, 0.012, 0.015)
    seed = 2 * palette.seed() + on
    return Material(Kind.SCREEN, colour, (0.2, 0.2, 0.2), seed=seed, emission=0.5 if on else 0.0)


def table_lamp(
    rng: np.random.Generator, palette: Palette, x: float, y: float, z: float
) -> list[Part]:
    """A foot, a stem and a square shade, 0.4 m high, on a surface at x, y, z (metres)."""
    shade = palette.plain((235, 225, 200), (200, 190, 170))
    return [
        Part(x, y, z, 0.12, 0.12, 0.02, palette.metal),
        Part(x, y, z + 0.02, 0.02, 0.02, 0.22, palette.metal),
        Part(x, y, z + 0.24, 0.22, 0.22, 0.16, shade),
    ]


def bed(rng: np.random.Generator, palette: Palette) -> Piece:
    """A bed with its head at the back, its blanket at 0.45-0.6 m, and a nightstand or two beside
    it.
    """
    width, depth, top = (
        rng.choice([0.9, 1.4, 1.6, 1.8]),
        rng.uniform(1.95, 2.05),
        rng.uniform(0.45, 0.6),
    )
    blanket, sheet = palette.fabric, palette.textile(((225, 222, 215), (200, 205, 212)))
    parts = [
        Part(0, 0.03, 0, width + 0.1, 0.06, rng.uniform(0.8, 1.2), palette.wood),
        Part(0, 0.06 + depth / 2, 0.08, width + 0.04, depth, top - 0.3, palette.wood),
        Part(0, 0.06 + depth / 2, top - 0.22, width, depth, 0.18, sheet),
        Part(0, 0.06 + depth * 0.64, top - 0.04, width + 0.03, depth * 0.72, 0.04, blanket),
        *legs(width, depth, 0.08, 0.08, palette.wood, y0=0.06),
    ]
    count = 1 if width < 1.2 else 2
    for i in range(count):
        x = (i - (count - 1) / 2) * (width / count)
        parts.append(
            Part(
                x,
                0.32,
                top - 0.04,
                min(0.65, width / count - 0.08),
                0.4,
                0.11,
                sheet,
                rng.normal(0, 0.04),
            )
        )
    for side in rng.permutation([-1, 1])[: rng.integers(1, 3)]:
        parts += moved(nightstand(rng, palette), float(side) * (width / 2 + 0.34), 0.02)
    reach = max(abs(part.x) + part.width / 2 for part in parts)
    return Piece(parts, 2 * reach, depth + 0.08, 0.4)


def nightstand(rng: np.random.Generator, palette: Palette) -> list[Part]:
    """A chest 0.45-0.6 m high, mostly with a lamp on it; its back is at y = 0.01."""
    height = rng.uniform(0.45, 0.6)
    parts = [Part(0, 0.2, 0, 0.45, 0.38, height, palette.front(0.45, height / 2))]
    return parts + (table_lamp(rng, palette, 0, 0.2, height) if rng.random() < 0.7 else [])


def sofa(rng: np.random.Generator, palette: Palette, width: float | None = None) -> Piece:
    """A sofa or armchair: seat at 0.43 m, back to 0.75-0.9 m, with cushions.

    Args:
        rng, palette: decide the rest.
        width: metres; left out, that of a sofa, 1.6-2.3 m.
    """
    width = rng.uniform(1.6, 2.3) if width is None else width
    depth, back, arm = rng.uniform(0.8, 0.95), rng.uniform(0.75, 0.9), rng.uniform(0.12, 0.22)
    inner = width - 2 * arm
    parts = [
        Part(0, depth / 2, 0.06, width, depth, 0.22, palette.fabric),
        Part(0, 0.11, 0.28, inner, 0.22, back - 0.28, palette.fabric),
        *[
            Part(s * (width - arm) / 2, depth / 2, 0.28, arm, depth, 0.32, palette.fabric)
            for s in (-1, 1)
        ],
        *legs(width, depth, 0.06, 0.06, palette.dark, inset=0.03),
    ]
    count = max(1, round(inner / 0.65))
    for i in range(count):
        x = ((i + 0.5) / count - 0.5) * inner
        parts.append(
            Part(
                x,
                (depth + 0.24) / 2,
                0.28,
                inner / count - 0.015,
                depth - 0.24,
                0.15,
                palette.fabric,
            )
        )
        if rng.random() < 0.5:
            parts.append(
                Part(x + rng.uniform(-0.05, 0.05), 0.3, 0.43, 0.42, 0.14, 0.34, palette.fabric2)
            )
    return Piece(parts, width, depth, 0.4)


def lounge(rng: np.random.Generator, palette: Palette) -> Piece:
    """A sofa with a low table in front of it, mostly on a rug."""
    seat = sofa(rng, palette)
    top = table(rng, palette, rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.65), 0.42, apron=False)
    front = seat.depth + rng.uniform(0.35, 0.5)
    depth = front + top.depth + 0.3
    lift = 0.0
    parts = list(seat.parts)
    if rng.random() < 0.75:
        lift = 0.012
        parts.append(
            Part(
                0,
                (seat.depth + depth) / 2 + 0.02,
                0,
                seat.width + 0.2,
                depth - seat.depth,
                lift,
                palette.rug(),
            )
        )
    parts += placed(top, rng.uniform(-0.1, 0.1), front, z=lift)
    height = top_of(top.parts) + lift
    for _ in range(rng.integers(0, 2)):
        parts.append(
            Part(
                rng.uniform(-0.2, 0.2),
                front + 0.25,
                height,
                0.22,
                0.28,
                0.03,
                palette.books(),
                rng.normal(0, 0.3),
            )
        )
    return Piece(parts, seat.width + 0.2, depth + 0.04, 0.2)
