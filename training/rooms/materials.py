"""Materials of a room: what a surface looks like, and palettes of plausible ones.

Colours are linear reflectances in 0..1 (a display value v in 0..255 is (v / 255) ** 2), lengths are
metres.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

Colour = tuple[float, float, float]


class Kind(IntEnum):
    """The procedural patterns of `textures.py`."""

    PLAIN = 0
    WOOD = 1
    PLANKS = 2
    TILES = 3
    FABRIC = 4
    BRICK = 5
    BOOKS = 6
    PICTURE = 7
    OUTSIDE = 8
    PANELS = 9
    SCREEN = 10
    STRIPES = 11
    PAINT = 12


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        kind: its pattern.
        colour, accent: the pattern's two colours, linear.
        scale: the pattern's repeat along both sides of a face, metres.
        seed: of its variations.
        emission: light that it emits, as a multiple of the colour.
    """

    kind: Kind
    colour: Colour
    accent: Colour = (0.0, 0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    seed: int = 0
    emission: float = 0.0


WALL_PAINTS = (
    (238, 236, 230),
    (230, 222, 205),
    (222, 222, 224),
    (240, 232, 210),
    (214, 220, 205),
    (205, 216, 226),
    (196, 206, 188),
    (226, 205, 190),
    (180, 190, 200),
    (236, 220, 160),
    (150, 170, 165),
    (190, 150, 130),
    (120, 140, 160),
    (235, 235, 235),
    (228, 228, 220),
    (214, 196, 170),
)
WOODS = (
    (200, 165, 120),
    (112, 78, 54),
    (218, 184, 138),
    (152, 90, 60),
    (78, 58, 46),
    (180, 140, 96),
    (160, 125, 90),
    (132, 104, 80),
    (226, 200, 165),
)
LACQUERS = (
    (236, 235, 230),
    (205, 205, 205),
    (226, 220, 205),
    (150, 160, 165),
    (70, 74, 80),
    (170, 185, 175),
)
FABRICS = (
    (120, 120, 125),
    (70, 80, 105),
    (150, 60, 50),
    (185, 165, 140),
    (90, 110, 90),
    (60, 60, 64),
    (165, 125, 80),
    (205, 200, 190),
    (110, 70, 90),
    (60, 110, 125),
    (190, 150, 60),
    (140, 95, 70),
)
TILE_COLOURS = (
    (225, 222, 215),
    (200, 195, 185),
    (170, 165, 158),
    (150, 130, 110),
    (235, 235, 235),
    (120, 122, 125),
)
BLACK = (0.02, 0.02, 0.022)


def linear(colour: Iterable[float]) -> Colour:
    """Display values 0..255 -> linear reflectance, at most 0.95."""
    red, green, blue = (float(min(0.95, (c / 255.0) ** 2)) for c in colour)
    return red, green, blue


def scaled(colour: Colour, gain: float) -> Colour:
    """A linear colour, times a gain."""
    red, green, blue = colour
    return gain * red, gain * green, gain * blue


def pick(rng: np.random.Generator, colours: Sequence[Colour], spread: float = 6.0) -> Colour:
    """One of some colours, lighter or darker and tinted a little.

    Args:
        rng: decides.
        colours: display values 0..255.
        spread: the deviation of its lightness, display values.

    Returns:
        The linear colour.
    """
    chosen = np.array(colours[int(rng.integers(len(colours)))])
    return linear(np.clip(chosen + rng.normal(0, spread) + rng.normal(0, 3.0, 3), 12, 246))


class Palette:
    """The materials that one room's furniture shares, as if one person had furnished it.

    Args:
        rng: decides them, and those that are made later.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.wood = self.wooden(WOODS)
        self.wood2 = self.wooden(WOODS) if rng.random() < 0.4 else self.wood
        self.lacquer = Material(Kind.PLAIN, pick(rng, LACQUERS))
        self.white = Material(Kind.PLAIN, pick(rng, ((232, 232, 228),)))
        self.metal = Material(
            Kind.PLAIN, pick(rng, ((170, 172, 176), (60, 60, 62), (205, 205, 208)))
        )
        self.dark = Material(Kind.PLAIN, pick(rng, ((38, 38, 42), (52, 48, 46))))
        self.trim = Material(
            Kind.PLAIN,
            pick(rng, ((238, 238, 234), (238, 238, 234), (150, 110, 75), (222, 215, 200))),
        )
        self.fabric = self.textile()
        self.fabric2 = self.textile()

    def seed(self) -> int:
        """For a material's variations."""
        return int(self.rng.integers(1 << 16))

    def wooden(self, colours: Sequence[Colour] = WOODS) -> Material:
        """Wood of one of the display colours."""
        return Material(Kind.WOOD, pick(self.rng, colours, 10), seed=self.seed())

    def textile(self, colours: Sequence[Colour] = FABRICS) -> Material:
        """Cloth of one of the display colours."""
        return Material(Kind.FABRIC, pick(self.rng, colours, 12), seed=self.seed())

    def plain(self, *colours: Colour) -> Material:
        """One of the display colours without a pattern."""
        return Material(Kind.PLAIN, pick(self.rng, colours))

    def front(self, width: float, height: float) -> Material:
        """Cabinet fronts: doors or drawers of width x height, metres, with dark joints."""
        body = self.wood if self.rng.random() < 0.5 else self.lacquer
        return Material(
            Kind.PANELS, body.colour, linear((40, 36, 32)), (width, height), self.seed()
        )

    def books(self) -> Material:
        """Spines, 2.5-5 cm wide."""
        return Material(
            Kind.BOOKS,
            pick(self.rng, FABRICS),
            BLACK,
            (self.rng.uniform(0.025, 0.05), 0.3),
            self.seed(),
        )

    def art(self) -> Material:
        """A painting."""
        rng = self.rng
        return Material(
            Kind.PICTURE, pick(rng, FABRICS, 40), pick(rng, WALL_PAINTS, 30), seed=self.seed()
        )

    def curtain(self) -> Material:
        """Folds, 8-16 cm wide."""
        width = self.rng.uniform(0.08, 0.16)
        return Material(
            Kind.STRIPES,
            pick(self.rng, WALL_PAINTS + FABRICS, 15),
            scale=(width, 0.0),
            seed=self.seed(),
        )

    def rug(self) -> Material:
        """Cloth, or a grid of lines."""
        rng = self.rng
        if rng.random() < 0.5:
            return self.textile()
        width = rng.uniform(0.1, 0.4)
        rng.choice(2)  # decides nothing; without it every draw after it, and so the room, changes
        ground, line = pick(rng, FABRICS, 15), pick(rng, WALL_PAINTS, 15)
        return Material(Kind.TILES, ground, line, (width, 0.3), self.seed())


def floor_material(rng: np.random.Generator, kinds: Sequence[str]) -> Material:
    """A floor of one of the named kinds: "planks", "tiles", "carpet" or "concrete"."""
    kind, seed = str(rng.choice(kinds)), int(rng.integers(1 << 16))
    if kind == "planks":
        size = (rng.uniform(0.12, 0.2), rng.uniform(0.9, 1.8))
        wood = pick(rng, WOODS, 10)
        return Material(Kind.PLANKS, wood, scaled(wood, 0.25), size, seed)
    if kind == "tiles":
        side = float(rng.choice([0.3, 0.45, 0.6]))
        return Material(
            Kind.TILES,
            pick(rng, TILE_COLOURS),
            pick(rng, ((120, 116, 110), (225, 222, 215))),
            (side, side),
            seed,
        )
    if kind == "carpet":
        return Material(Kind.FABRIC, pick(rng, FABRICS[:8], 12), seed=seed)
    return Material(Kind.PAINT, pick(rng, ((150, 150, 148), (170, 165, 155))), seed=seed)


def wall_material(
    rng: np.random.Generator, paint: Colour, kinds: Sequence[str] = ("paint",)
) -> Material:
    """A wall of one of the named kinds.

    Args:
        rng: decides.
        paint: the room's linear colour.
        kinds: "paint" with a skirting board, "brick" or glazed "tiles".
    """
    kind, seed = str(rng.choice(kinds)), int(rng.integers(1 << 16))
    if kind == "brick":
        return Material(
            Kind.BRICK,
            pick(rng, ((160, 90, 70), (190, 185, 178), (150, 110, 90))),
            pick(rng, ((190, 185, 175),)),
            (0.25, 0.075),
            seed,
        )
    if kind == "tiles":
        size = float(rng.choice([0.15, 0.2, 0.3]))
        return Material(
            Kind.TILES,
            pick(rng, WALL_PAINTS),
            pick(rng, ((225, 225, 220), (150, 150, 148))),
            (size, size),
            seed,
        )
    skirting = pick(rng, ((240, 240, 236), (240, 240, 236), (130, 95, 65), (70, 66, 62)))
    return Material(Kind.PAINT, paint, skirting, (1.0, rng.uniform(0.07, 0.12)), seed)


def ceiling_material(rng: np.random.Generator, office: bool) -> Material:
    """A white ceiling, or the 0.6 m panels of an office."""
    white = pick(rng, ((240, 240, 238), (232, 230, 222)))
    if office and rng.random() < 0.6:
        return Material(
            Kind.TILES, white, linear((150, 150, 148)), (0.6, 0.6), int(rng.integers(1 << 16))
        )
    return Material(Kind.PLAIN, white)
