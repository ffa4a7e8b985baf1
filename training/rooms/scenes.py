"""What stands in which kind of room: one recipe for each scene type."""

from typing import NamedTuple

from training.rooms import fixtures, furniture, kitchen_bath, seating, storage


class Recipe(NamedTuple):
    """What a scene type is made of.

    size: ranges of width, length and ceiling height, metres. floors, walls: kinds that `materials`
    knows. pieces: (place, probability, most, maker), in the order of importance; place is "wall",
    "open" or "rows". hung: (probability, most, maker, lowest z, highest z), metres. office:
    panelled ceiling, panel lamps.
    """

    size: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    floors: tuple[str, ...]
    pieces: tuple
    hung: tuple = ()
    walls: tuple[str, ...] = ("paint",) * 9 + ("brick",)
    office: bool = False


def armchair(rng, palette):
    return furniture.sofa(rng, palette, rng.uniform(0.8, 1.0))


def side_chair(rng, palette):
    return seating.chair(rng, palette)


def side_table(rng, palette):
    return seating.table(rng, palette, rng.uniform(0.8, 1.3), rng.uniform(0.45, 0.7))


def cafe_set(rng, palette):
    top = seating.table(rng, palette, 0.75, 0.75)
    return seating.seats_around(rng, palette, top, seating.chair, False)


ART = (0.7, 3, fixtures.picture, 1.2, 1.5)
SHELF = (0.4, 2, fixtures.wall_shelf, 1.3, 1.7)
BOARD = (0.85, 1, fixtures.board, 0.85, 1.0)
NOTICES = (0.5, 2, fixtures.notice_board, 1.0, 1.3)
HOME = ("planks", "planks", "carpet", "tiles")
WORK = ("carpet", "carpet", "tiles", "planks", "concrete")

RECIPES: dict[str, Recipe] = {
    "bedroom": Recipe(
        ((2.8, 4.6), (3.2, 5.5), (2.35, 2.8)), HOME,
        (("wall", 1.0, 1, furniture.bed), ("wall", 0.9, 1, storage.wardrobe), ("wall", 0.7, 1,
         storage.sideboard),
         ("wall", 0.4, 1, furniture.desk), ("wall", 0.4, 1, storage.bookshelf), ("wall", 0.3, 1,
         storage.floor_plant),
         ("wall", 0.4, 1, side_chair)),
        (ART, SHELF)),
    "living_room": Recipe(
        ((3.2, 5.5), (3.8, 7.0), (2.35, 3.0)), HOME,
        (("wall", 1.0, 1, furniture.lounge), ("wall", 0.9, 1, storage.television), ("wall", 0.7, 2,
         storage.bookshelf),
         ("wall", 0.6, 1, armchair), ("wall", 0.5, 1, storage.sideboard), ("wall", 0.6, 2,
         storage.floor_plant),
         ("open", 0.4, 1, seating.dining_set)),
        (ART, ART, SHELF)),
    "kitchen": Recipe(
        ((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)), ("tiles", "tiles", "planks"),
        (("wall", 1.0, 1, kitchen_bath.kitchen_run), ("wall", 1.0, 1, kitchen_bath.fridge),
         ("wall", 0.7, 1, kitchen_bath.kitchen_run),
         ("open", 0.5, 1, seating.dining_set), ("open", 0.5, 1, cafe_set), ("wall", 0.4, 1,
         storage.sideboard)),
        ((0.5, 1, fixtures.picture, 1.2, 1.6), (0.5, 1, fixtures.clock, 1.8, 2.0)), ("paint",
         "paint", "paint", "tiles")),
    "dining_room": Recipe(
        ((3.2, 5.0), (3.5, 6.0), (2.4, 3.0)), HOME,
        (("open", 1.0, 1, seating.dining_set), ("wall", 0.8, 1, storage.sideboard), ("wall", 0.5,
         1, storage.bookshelf),
         ("wall", 0.5, 1, storage.floor_plant), ("wall", 0.4, 2, side_chair)),
        (ART, ART, SHELF)),
    "bathroom": Recipe(
        ((2.5, 3.4), (3.0, 4.2), (2.35, 2.7)), ("tiles",),
        (("wall", 1.0, 1, kitchen_bath.washbasin), ("wall", 1.0, 1, kitchen_bath.bathtub), ("wall",
         1.0, 1, kitchen_bath.toilet),
         ("wall", 0.5, 1, kitchen_bath.washing_machine), ("wall", 0.4, 1, storage.wardrobe)),
        ((0.4, 1, fixtures.picture, 1.2, 1.5),), ("tiles", "tiles", "paint")),
    "office": Recipe(
        ((2.8, 5.5), (3.2, 7.0), (2.5, 3.0)), WORK,
        (("wall", 1.0, 4, furniture.desk), ("wall", 0.8, 3, storage.bookshelf), ("wall", 0.6, 2,
         storage.wardrobe),
         ("open", 0.4, 2, furniture.desk), ("wall", 0.4, 1, storage.sideboard), ("wall", 0.4, 1,
         storage.floor_plant)),
        ((0.6, 1, fixtures.board, 0.95, 1.1), NOTICES, (0.5, 1, fixtures.clock, 1.9, 2.1), ART),
         office=True),
    "home_office": Recipe(
        ((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)), HOME,
        (("wall", 1.0, 1, furniture.desk), ("wall", 0.9, 2, storage.bookshelf), ("wall", 0.5, 1,
         storage.sideboard),
         ("wall", 0.4, 1, armchair), ("wall", 0.4, 1, storage.floor_plant), ("wall", 0.4, 1,
         furniture.desk)),
        (ART, SHELF, NOTICES)),
    "study": Recipe(
        ((2.5, 4.2), (3.0, 5.0), (2.35, 2.8)), HOME,
        (("wall", 1.0, 3, storage.bookshelf), ("wall", 1.0, 1, furniture.desk), ("wall", 0.7, 1,
         armchair),
         ("wall", 0.4, 1, storage.sideboard)),
        (ART, SHELF)),
    "classroom": Recipe(
        ((4.5, 7.0), (5.5, 8.5), (2.6, 3.0)), WORK,
        (("rows", 1.0, 1, seating.school_desk), ("wall", 0.6, 2, storage.wardrobe), ("wall", 0.6,
         2, storage.bookshelf),
         ("wall", 0.4, 2, side_table)),
        (BOARD, NOTICES, ART, (0.8, 1, fixtures.clock, 2.0, 2.15)), office=True),
    "conference_room": Recipe(
        ((3.6, 5.5), (5.0, 7.8), (2.5, 3.0)), WORK,
        (("open", 1.0, 1, seating.conference_set), ("wall", 0.6, 1, storage.sideboard),
         ("wall", 0.4, 1, storage.television), ("wall", 0.5, 2, storage.floor_plant), ("wall", 0.4,
         2, side_chair)),
        (BOARD, (0.7, 2, fixtures.picture, 1.2, 1.5)), office=True),
    "cafe": Recipe(
        ((4.0, 6.5), (5.0, 8.0), (2.6, 3.0)), HOME,
        (("wall", 0.7, 1, kitchen_bath.kitchen_run), ("open", 1.0, 5, cafe_set), ("wall", 0.6, 2,
         storage.floor_plant),
         ("wall", 0.5, 1, kitchen_bath.fridge), ("wall", 0.5, 1, storage.sideboard)),
        (ART, (0.5, 1, fixtures.board, 1.0, 1.2)), ("paint", "paint", "brick")),
    "laundry_room": Recipe(
        ((2.5, 3.4), (3.0, 4.2), (2.35, 2.7)), ("tiles", "concrete"),
        (("wall", 1.0, 3, kitchen_bath.washing_machine), ("wall", 0.7, 1, storage.wardrobe),
         ("wall", 0.6, 1, side_table),
         ("wall", 0.5, 1, storage.bookshelf)),
        (SHELF, SHELF), ("paint", "paint", "tiles", "brick")),
    "student_lounge": Recipe(
        ((4.0, 6.5), (5.0, 8.0), (2.5, 3.0)), WORK,
        (("wall", 1.0, 2, furniture.lounge), ("wall", 0.6, 2, armchair), ("wall", 0.5, 2,
         storage.bookshelf),
         ("open", 0.6, 2, cafe_set), ("wall", 0.5, 2, storage.floor_plant)),
        (NOTICES, ART, ART), office=True),
    "foyer": Recipe(
        ((2.5, 4.0), (3.2, 6.0), (2.4, 3.0)), ("tiles", "planks", "concrete"),
        (("wall", 0.9, 1, storage.sideboard), ("wall", 0.7, 1, storage.wardrobe), ("wall", 0.6, 2,
         side_chair),
         ("wall", 0.7, 2, storage.floor_plant)),
        (ART, ART, SHELF)),
}  # fmt: skip
WEIGHTS = {
    "bedroom": 5, "living_room": 5, "kitchen": 4, "dining_room": 2.5, "bathroom": 2.5, "office": 3,
    "home_office": 2,
    "study": 1.5, "classroom": 2, "conference_room": 1, "cafe": 1, "laundry_room": 0.8,
    "student_lounge": 1, "foyer": 1,
}  # fmt: skip
