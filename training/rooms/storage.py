"""Cupboards, shelves and plants as lists of boxes, in real sizes (frames as in piece.py)."""

from __future__ import annotations

import numpy as np

from training.rooms.boxes import Part
from training.rooms.furniture import screen_material
from training.rooms.materials import Kind, Material, Palette, pick
from training.rooms.piece import Piece


def wardrobe(rng: np.random.Generator, palette: Palette) -> Piece:
    """A closed cupboard of 1.9-2.2 m with doors and handles."""
    doors = int(rng.integers(2, 5))
    leaf, depth, height = rng.uniform(0.45, 0.55), rng.uniform(0.5, 0.62), rng.uniform(1.9, 2.2)
    width = doors * leaf
    parts = [Part(0, depth / 2, 0, width, depth, height, palette.front(leaf, 5.0))]
    for i in range(doors):
        side = 0.06 if i % 2 else leaf - 0.06
        parts.append(
            Part(-width / 2 + i * leaf + side, depth + 0.01, 0.95, 0.02, 0.02, 0.16, palette.metal)
        )
    return Piece(parts, width, depth + 0.03, 0.5)


def bookshelf(rng: np.random.Generator, palette: Palette) -> Piece:
    """Open shelves 0.3-0.44 m apart, 1.5-2.1 m high, most of them with books."""
    width, depth, height = rng.uniform(0.7, 1.2), rng.uniform(0.26, 0.34), rng.uniform(1.5, 2.1)
    wood, board = palette.wood, 0.022
    levels = int(height / rng.uniform(0.3, 0.36))
    pitch = (height - board) / levels
    inner = width - 2 * board
    parts = [
        Part(s * (width - board) / 2, depth / 2, 0, board, depth, height, wood) for s in (-1, 1)
    ]
    parts.append(Part(0, 0.004, 0, inner, 0.008, height, wood))
    for i in range(levels + 1):
        parts.append(Part(0, depth / 2 + 0.004, i * pitch, inner, depth - 0.008, board, wood))
    for i in range(levels):
        fill, z = rng.uniform(0.25, 1.0) * inner, i * pitch + board
        if rng.random() < 0.85:
            tall, deep = rng.uniform(0.62, 0.92) * (pitch - board), rng.uniform(0.16, depth - 0.04)
            side = rng.choice([-1, 1]) * (inner - fill) / 2
            parts.append(Part(side, 0.008 + deep / 2, z, fill, deep, tall, palette.books()))
    return Piece(parts, width, depth, 0.35)


def sideboard(rng: np.random.Generator, palette: Palette) -> Piece:
    """Drawers or doors below a top at 0.7-1.0 m, perhaps with a plant on it."""
    width, depth, height = rng.uniform(0.8, 1.6), rng.uniform(0.4, 0.5), rng.uniform(0.7, 1.0)
    leaf = width / round(width / 0.5)
    parts = [
        Part(
            0,
            depth / 2,
            0.06,
            width,
            depth,
            height - 0.06,
            palette.front(leaf, rng.choice([0.2, 5.0])),
        ),
        Part(0, depth / 2, 0, width - 0.08, depth - 0.08, 0.06, palette.dark),
    ]
    if rng.random() < 0.6:
        parts += plant(rng, palette, rng.uniform(-0.3, 0.3) * width, depth / 2, height, 0.5)
    return Piece(parts, width, depth, 0.3)


def plant(
    rng: np.random.Generator, palette: Palette, x: float, y: float, z: float, scale: float = 1.0
) -> list[Part]:
    """A pot with a bush of leaves.

    Args:
        rng, palette: decide the rest.
        x, y, z: the middle of the pot's underside, metres.
        scale: of everything; 1 is about 1.1 m high.
    """
    pot = 0.3 * scale
    leaf = [
        Material(
            Kind.FABRIC, pick(rng, ((60, 95, 50), (85, 120, 70), (45, 75, 45))), seed=palette.seed()
        )
        for _ in range(2)
    ]
    parts = [
        Part(x, y, z, pot, pot, pot, palette.plain((150, 90, 65), (200, 200, 195), (60, 60, 62)))
    ]
    for i in range(7):
        size, turn = scale * rng.uniform(0.18, 0.34), rng.uniform(-0.7, 0.7)
        out, angle = scale * rng.uniform(0.0, 0.2), rng.uniform(0, 2 * np.pi)
        leaf_x, leaf_y, low = x + out * np.cos(angle), y + out * np.sin(angle), z + pot
        if i == 0:  # in the pot, so that the bush does not float
            leaf_x, leaf_y = x, y
        else:
            low += scale * rng.uniform(0.1, 0.6)
        height = scale * rng.uniform(0.15, 0.4)
        parts.append(Part(leaf_x, leaf_y, low, size, size, height, leaf[i % 2], turn))
    parts.append(Part(x, y, z + pot, 0.04 * scale, 0.04 * scale, 0.6 * scale, palette.wood))
    return parts


def floor_plant(rng: np.random.Generator, palette: Palette) -> Piece:
    """A plant about a metre high."""
    return Piece(plant(rng, palette, 0, 0.4, 0, rng.uniform(0.8, 1.1)), 0.9, 0.85)


def television(rng: np.random.Generator, palette: Palette) -> Piece:
    """A low cabinet with a television on it."""
    width, height = rng.uniform(1.2, 1.8), rng.uniform(0.4, 0.55)
    screen = rng.uniform(0.9, 1.3)
    tall = screen * 0.57
    parts = [
        Part(0, 0.2, 0, width, 0.4, height, palette.front(width / 3, 5.0)),
        Part(0, 0.17, height, 0.4, 0.2, 0.02, palette.dark),
        Part(0, 0.17, height + 0.02, 0.1, 0.04, 0.06, palette.dark),
        Part(0, 0.17, height + 0.08, screen, 0.05, tall, palette.dark),
        Part(
            0,
            0.1975,
            height + 0.095,
            screen - 0.03,
            0.005,
            tall - 0.03,
            screen_material(rng, palette),
        ),
    ]
    return Piece(parts, width, 0.4, 0.4)
