"""A random furnished room: its walls, boxes, materials, lights and camera, all from one random
generator.

World frame: x across (0..width), y along (0..length), z up (0..height), metres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.rooms import fixtures, materials
from training.rooms.boxes import Boxes, Part, moved
from training.rooms.camera_pose import CameraPose, Size, sample_pose
from training.rooms.materials import Material, Palette
from training.rooms.piece import Piece
from training.rooms.planner import WALL_YAW, Planner
from training.rooms.scenes import EVERYWHERE, RECIPES, Hanging, Recipe, Standing

# Metres along the floor; no point of a room is then 9.9 m from a camera in it.
LONGEST_DIAGONAL = 9.6


@dataclass(frozen=True)
class Light:
    """A lamp or a window.

    Attributes:
        position: (3,) metres.
        colour: (3,) linear power.
        normal: (3,) direction in which a window shines; None for a lamp, which shines everywhere.
    """

    position: NDArray[np.float64]
    colour: NDArray[np.float64]
    normal: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Room:
    """A room as it is rendered.

    Attributes:
        size: width, length, height, metres.
        boxes: what is in it.
        materials: that `shell` and the boxes have indices into.
        shell: of the walls -x, +x, -y, +y, the floor and the ceiling.
        lights: lamps and windows that shine.
        ambient: (3,) linear light that comes from everywhere.
        camera: where the image is taken from.
        scene_type: its name, as NYU Depth V2 has it.
    """

    size: Size
    boxes: Boxes
    materials: tuple[Material, ...]
    shell: tuple[int, ...]
    lights: tuple[Light, ...]
    ambient: NDArray[np.float64]
    camera: CameraPose
    scene_type: str


def build_room(
    size: Size,
    parts: Sequence[Part],
    shell: Sequence[Material],
    lights: Sequence[Light],
    ambient: NDArray[np.float64],
    camera: CameraPose,
    scene_type: str,
) -> Room:
    """A room from explicit parts.

    Args:
        size, ambient, camera, scene_type: as a `Room` has them.
        parts: boxes in the world frame.
        shell: the six materials of -x, +x, -y, +y, floor, ceiling.
        lights: lamps and windows.
    """
    index: dict[Material, int] = {}
    for material in (*shell, *(part.material for part in parts)):
        index.setdefault(material, len(index))
    boxes = Boxes.from_parts(parts, index)
    return Room(
        size,
        boxes,
        tuple(index),
        tuple(index[m] for m in shell),
        tuple(lights),
        ambient,
        camera,
        scene_type,
    )


def sample_room(rng: np.random.Generator) -> Room:
    """A furnished room with lights and a camera in it; rng decides everything."""
    weights = [recipe.weight for recipe in RECIPES.values()]
    scene = str(rng.choice(list(RECIPES), p=np.array(weights) / sum(weights)))
    recipe = RECIPES[scene]
    size = _sample_size(rng, recipe.size)
    camera = sample_pose(rng, size)
    palette = Palette(rng)
    plan = Planner(rng, size, camera)
    day = float(rng.choice([rng.uniform(0.5, 1.0), rng.uniform(0.1, 0.5), 0.0], p=[0.6, 0.2, 0.2]))
    lamp_on = day < 0.3 or rng.random() < 0.5
    _doors(plan, palette)
    _furnish(plan, palette, recipe.pieces[:1])
    lights = _windows(plan, palette, day) + _ceiling_lamps(plan, palette, recipe.office, lamp_on)
    _furnish(plan, palette, recipe.pieces[1:])
    _hang(plan, palette, recipe.hung)
    ambient = _ambient(rng, day, lamp_on)
    return build_room(size, plan.parts, _shell(rng, recipe), lights, ambient, camera, scene)


def _sample_size(rng: np.random.Generator, ranges: Sequence[tuple[float, float]]) -> Size:
    width, length, height = (float(rng.uniform(*r)) for r in ranges)
    if rng.random() < 0.5:
        width, length = length, width
    shrink = min(1.0, LONGEST_DIAGONAL / float(np.hypot(width, length)))
    return width * shrink, length * shrink, height


def _shell(rng: np.random.Generator, recipe: Recipe) -> tuple[Material, ...]:
    paint = materials.pick(rng, materials.WALL_PAINTS)
    sides = [materials.wall_material(rng, paint, recipe.walls)] * 4
    if rng.random() < 0.3:
        other = materials.wall_material(rng, materials.pick(rng, materials.WALL_PAINTS, 20))
        sides[rng.integers(4)] = other
    return (
        *sides,
        materials.floor_material(rng, recipe.floors),
        materials.ceiling_material(rng, recipe.office),
    )


def _doors(plan: Planner, palette: Palette) -> None:
    for _ in range(1 + (plan.rng.random() < 0.25)):
        plan.hang(fixtures.door(plan.rng, palette), 0.0, in_view=0.75, clear=0.85)


def _windows(plan: Planner, palette: Palette, day: float) -> list[Light]:
    """Up to three windows; returns their light."""
    rng, lights = plan.rng, []
    for _ in range(rng.choice([0, 1, 2, 3], p=[0.15, 0.45, 0.3, 0.1])):
        width, z = rng.uniform(0.8, 2.2), rng.uniform(0.88, 1.05)
        spot = plan.hang(fixtures.window(rng, palette, width, day), z, in_view=0.65)
        if spot and day > 0:
            wall, s = spot
            x, y, yaw = plan.anchor(wall, s, 0.15)
            inward = np.array([-np.sin(yaw), np.cos(yaw), -0.25])
            power = 3.5 * day * width * np.array([0.93, 1.0, 1.08])
            lights.append(Light(np.array([x, y, z + 0.8]), power, inward / np.linalg.norm(inward)))
    return lights


def _ceiling_lamps(plan: Planner, palette: Palette, office: bool, lamp_on: bool) -> list[Light]:
    """One lamp in the middle, or an office's row of panels; returns those that shine."""
    rng, (width, length, height) = plan.rng, plan.size
    warm = np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.55, 0.95)])
    count = max(1, int(length / 2.5)) if office else 1
    power = rng.uniform(2.0, 4.5) / count
    lights = []
    shape = fixtures.ceiling_lamp(rng, palette, office, 5.0 if lamp_on else 0.3)
    for i in range(count):
        x, y = width / 2 + rng.uniform(-0.2, 0.2), length * (i + 0.5) / count
        if plan.add(moved(shape, x, y, height)) and lamp_on:
            lights.append(Light(np.array([x, y, height - 0.35]), power * warm))
    return lights


def _furnish(plan: Planner, palette: Palette, pieces: tuple[Standing, ...]) -> None:
    places: dict[str, Callable[[Piece], bool]] = {
        "wall": plan.against_wall,
        "open": plan.in_the_open,
        "rows": partial(_rows, plan),
    }
    for place, probability, most, maker in pieces:
        for _ in range(plan.rng.integers(1, most + 1)):
            if plan.rng.random() < probability:
                tries = 3 if probability == 1.0 else 1
                any(places[place](maker(plan.rng, palette)) for _ in range(tries))


def _rows(plan: Planner, piece: Piece) -> bool:
    """Rows of the same piece, all facing one way, wherever one fits."""
    rng, placed = plan.rng, 0
    quarter = int(rng.integers(4))
    c, s = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter]
    pitch_x, pitch_y = rng.uniform(0.3, 0.7) + piece.width, rng.uniform(0.1, 0.3) + piece.depth
    for i in range(-3, 4):
        for j in range(-3, 3):
            a, b = i * pitch_x, j * pitch_y
            placed += plan.stand(
                piece,
                plan.size[0] / 2 + c * a - s * b,
                plan.size[1] / 2 + s * a + c * b,
                WALL_YAW[quarter],
            )
    return placed > 0


def _hang(plan: Planner, palette: Palette, hung: tuple[Hanging, ...]) -> None:
    rng = plan.rng
    for probability, most, maker, low, high in (*hung, *EVERYWHERE):
        for _ in range(rng.integers(1, most + 1)):
            if rng.random() < probability:
                plan.hang(maker(rng, palette), rng.uniform(low, high), in_view=0.9)


def _ambient(rng: np.random.Generator, day: float, lamp_on: bool) -> NDArray[np.float64]:
    level = rng.uniform(0.15, 0.3) * (0.5 + day + 0.5 * lamp_on)
    return level * np.array([1.0, 1.0, 1.0]) * np.exp(rng.normal(0, 0.04, 3))
