"""What stands in which kind of room: one recipe for each scene type."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from training.rooms import fixtures, furniture, kitchen_bath, seating, storage
from training.rooms.fixtures import FixtureMaker
from training.rooms.materials import Palette
from training.rooms.piece import Piece, PieceMaker


class Standing(NamedTuple):
    """Furniture of a scene type.

    Attributes:
        place: along a wall, in the open, or rows of it that fill the room.
        probability: of each piece; with 1, it is tried up to three times if it does not fit.
        most: pieces, or sets of rows, that are tried: 1 to `most`.
        maker: makes one.
    """

    place: Literal["wall", "open", "rows"]
    probability: float
    most: int
    maker: PieceMaker


class Hanging(NamedTuple):
    """Fixtures of a scene type.

    Attributes:
        probability: of each.
        most: that are tried: 1 to `most`.
        maker: makes one.
        low, high: limits of its lower edge's height, metres.
    """

    probability: float
    most: int
    maker: FixtureMaker
    low: float
    high: float


class Recipe(NamedTuple):
    """What a scene type is made of.

    Attributes:
        weight: how often it comes, relative to the others' weights.
        size: ranges of width, length and ceiling height, metres.
        floors, walls: kinds that `materials` knows; one named twice comes twice as often.
        pieces: in order of importance.
        hung: on its walls, besides EVERYWHERE.
        office: panelled ceiling, panel lamps.
    """

    weight: float
    size: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    floors: tuple[str, ...]
    pieces: tuple[Standing, ...]
    hung: tuple[Hanging, ...]
    walls: tuple[str, ...] = ("paint",) * 9 + ("brick",)
    office: bool = False


def armchair(rng: np.random.Generator, palette: Palette) -> Piece:
    """A sofa of 0.8-1.0 m for one."""
    return furniture.sofa(rng, palette, rng.uniform(0.8, 1.0))


def side_table(rng: np.random.Generator, palette: Palette) -> Piece:
    """A table of 0.8-1.3 x 0.45-0.7 m."""
    return seating.table(rng, palette, rng.uniform(0.8, 1.3), rng.uniform(0.45, 0.7))


def cafe_set(rng: np.random.Generator, palette: Palette) -> Piece:
    """A table of 0.75 x 0.75 m with chairs on two sides."""
    top = seating.table(rng, palette, 0.75, 0.75)
    return seating.seats_around(rng, palette, top, seating.chair, False)


ART = Hanging(0.7, 3, fixtures.picture, 1.2, 1.5)
SHELF = Hanging(0.4, 2, fixtures.wall_shelf, 1.3, 1.7)
BOARD = Hanging(0.85, 1, fixtures.board, 0.85, 1.0)
NOTICES = Hanging(0.5, 2, fixtures.notice_board, 1.0, 1.3)
EVERYWHERE = (
    Hanging(0.4, 1, fixtures.radiator, 0.13, 0.13),
    Hanging(0.8, 2, fixtures.outlet, 0.28, 0.28),
    Hanging(0.6, 1, fixtures.switch, 1.1, 1.1),
)
HOME = ("planks", "planks", "carpet", "tiles")
WORK = ("carpet", "carpet", "tiles", "planks", "concrete")

RECIPES: dict[str, Recipe] = {
    "bedroom": Recipe(
        weight=5,
        size=((2.8, 4.6), (3.2, 5.5), (2.35, 2.8)),
        floors=HOME,
        pieces=(
            Standing("wall", 1.0, 1, furniture.bed),
            Standing("wall", 0.9, 1, storage.wardrobe),
            Standing("wall", 0.7, 1, storage.sideboard),
            Standing("wall", 0.4, 1, furniture.desk),
            Standing("wall", 0.4, 1, storage.bookshelf),
            Standing("wall", 0.3, 1, storage.floor_plant),
            Standing("wall", 0.4, 1, seating.chair),
        ),
        hung=(ART, SHELF),
    ),
    "living_room": Recipe(
        weight=5,
        size=((3.2, 5.5), (3.8, 7.0), (2.35, 3.0)),
        floors=HOME,
        pieces=(
            Standing("wall", 1.0, 1, furniture.lounge),
            Standing("wall", 0.9, 1, storage.television),
            Standing("wall", 0.7, 2, storage.bookshelf),
            Standing("wall", 0.6, 1, armchair),
            Standing("wall", 0.5, 1, storage.sideboard),
            Standing("wall", 0.6, 2, storage.floor_plant),
            Standing("open", 0.4, 1, seating.dining_set),
        ),
        hung=(ART, ART, SHELF),
    ),
    "kitchen": Recipe(
        weight=4,
        size=((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)),
        floors=("tiles", "tiles", "planks"),
        walls=("paint", "paint", "paint", "tiles"),
        pieces=(
            Standing("wall", 1.0, 1, kitchen_bath.kitchen_run),
            Standing("wall", 1.0, 1, kitchen_bath.fridge),
            Standing("wall", 0.7, 1, kitchen_bath.kitchen_run),
            Standing("open", 0.5, 1, seating.dining_set),
            Standing("open", 0.5, 1, cafe_set),
            Standing("wall", 0.4, 1, storage.sideboard),
        ),
        hung=(
            Hanging(0.5, 1, fixtures.picture, 1.2, 1.6),
            Hanging(0.5, 1, fixtures.clock, 1.8, 2.0),
        ),
    ),
    "dining_room": Recipe(
        weight=2.5,
        size=((3.2, 5.0), (3.5, 6.0), (2.4, 3.0)),
        floors=HOME,
        pieces=(
            Standing("open", 1.0, 1, seating.dining_set),
            Standing("wall", 0.8, 1, storage.sideboard),
            Standing("wall", 0.5, 1, storage.bookshelf),
            Standing("wall", 0.5, 1, storage.floor_plant),
            Standing("wall", 0.4, 2, seating.chair),
        ),
        hung=(ART, ART, SHELF),
    ),
    "bathroom": Recipe(
        weight=2.5,
        size=((2.5, 3.4), (3.0, 4.2), (2.35, 2.7)),
        floors=("tiles",),
        walls=("tiles", "tiles", "paint"),
        pieces=(
            Standing("wall", 1.0, 1, kitchen_bath.washbasin),
            Standing("wall", 1.0, 1, kitchen_bath.bathtub),
            Standing("wall", 1.0, 1, kitchen_bath.toilet),
            Standing("wall", 0.5, 1, kitchen_bath.washing_machine),
            Standing("wall", 0.4, 1, storage.wardrobe),
        ),
        hung=(Hanging(0.4, 1, fixtures.picture, 1.2, 1.5),),
    ),
    "office": Recipe(
        weight=3,
        size=((2.8, 5.5), (3.2, 7.0), (2.5, 3.0)),
        floors=WORK,
        office=True,
        pieces=(
            Standing("wall", 1.0, 4, furniture.desk),
            Standing("wall", 0.8, 3, storage.bookshelf),
            Standing("wall", 0.6, 2, storage.wardrobe),
            Standing("open", 0.4, 2, furniture.desk),
            Standing("wall", 0.4, 1, storage.sideboard),
            Standing("wall", 0.4, 1, storage.floor_plant),
        ),
        hung=(
            Hanging(0.6, 1, fixtures.board, 0.95, 1.1),
            NOTICES,
            Hanging(0.5, 1, fixtures.clock, 1.9, 2.1),
            ART,
        ),
    ),
    "home_office": Recipe(
        weight=2,
        size=((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)),
        floors=HOME,
        pieces=(
            Standing("wall", 1.0, 1, furniture.desk),
            Standing("wall", 0.9, 2, storage.bookshelf),
            Standing("wall", 0.5, 1, storage.sideboard),
            Standing("wall", 0.4, 1, armchair),
            Standing("wall", 0.4, 1, storage.floor_plant),
            Standing("wall", 0.4, 1, furniture.desk),
        ),
        hung=(ART, SHELF, NOTICES),
    ),
    "study": Recipe(
        weight=1.5,
        size=((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)),
        floors=HOME,
        pieces=(
            Standing("wall", 1.0, 3, storage.bookshelf),
            Standing("wall", 1.0, 1, furniture.desk),
            Standing("wall", 0.7, 1, armchair),
            Standing("wall", 0.4, 1, storage.sideboard),
        ),
        hung=(ART, SHELF),
    ),
    "classroom": Recipe(
        weight=2,
        size=((4.5, 7.0), (5.5, 8.5), (2.6, 3.0)),
        floors=WORK,
        office=True,
        pieces=(
            Standing("rows", 1.0, 1, seating.school_desk),
            Standing("wall", 0.6, 2, storage.wardrobe),
            Standing("wall", 0.6, 2, storage.bookshelf),
            Standing("wall", 0.4, 2, side_table),
        ),
        hung=(
            BOARD,
            NOTICES,
            ART,
            Hanging(0.8, 1, fixtures.clock, 2.0, 2.15),
        ),
    ),
    "conference_room": Recipe(
        weight=1,
        size=((3.6, 5.5), (5.0, 7.8), (2.5, 3.0)),
        floors=WORK,
        office=True,
        pieces=(
            Standing("open", 1.0, 1, seating.conference_set),
            Standing("wall", 0.6, 1, storage.sideboard),
            Standing("wall", 0.4, 1, storage.television),
            Standing("wall", 0.5, 2, storage.floor_plant),
            Standing("wall", 0.4, 2, seating.chair),
        ),
        hung=(BOARD, Hanging(0.7, 2, fixtures.picture, 1.2, 1.5)),
    ),
    "cafe": Recipe(
        weight=1,
        size=((4.0, 6.5), (5.0, 8.0), (2.6, 3.0)),
        floors=HOME,
        walls=("paint", "paint", "brick"),
        pieces=(
            Standing("wall", 0.7, 1, kitchen_bath.kitchen_run),
            Standing("open", 1.0, 5, cafe_set),
            Standing("wall", 0.6, 2, storage.floor_plant),
            Standing("wall", 0.5, 1, kitchen_bath.fridge),
            Standing("wall", 0.5, 1, storage.sideboard),
        ),
        hung=(ART, Hanging(0.5, 1, fixtures.board, 1.0, 1.2)),
    ),
    "laundry_room": Recipe(
        weight=0.8,
        size=((2.5, 3.4), (3.0, 4.2), (2.35, 2.7)),
        floors=("tiles", "concrete"),
        walls=("paint", "paint", "tiles", "brick"),
        pieces=(
            Standing("wall", 1.0, 3, kitchen_bath.washing_machine),
            Standing("wall", 0.7, 1, storage.wardrobe),
            Standing("wall", 0.6, 1, side_table),
            Standing("wall", 0.5, 1, storage.bookshelf),
        ),
        hung=(SHELF, SHELF),
    ),
    "student_lounge": Recipe(
        weight=1,
        size=((4.0, 6.5), (5.0, 8.0), (2.5, 3.0)),
        floors=WORK,
        office=True,
        pieces=(
            Standing("wall", 1.0, 2, furniture.lounge),
            Standing("wall", 0.6, 2, armchair),
            Standing("wall", 0.5, 2, storage.bookshelf),
            Standing("open", 0.6, 2, cafe_set),
            Standing("wall", 0.5, 2, storage.floor_plant),
        ),
        hung=(NOTICES, ART, ART),
    ),
    "foyer": Recipe(
        weight=1,
        size=((2.5, 4.0), (3.2, 6.0), (2.4, 3.0)),
        floors=("tiles", "planks", "concrete"),
        pieces=(
            Standing("wall", 0.9, 1, storage.sideboard),
            Standing("wall", 0.7, 1, storage.wardrobe),
            Standing("wall", 0.6, 2, seating.chair),
            Standing("wall", 0.7, 2, storage.floor_plant),
        ),
        hung=(ART, ART, SHELF),
    ),
}
