"""The light that leaves surface points towards the camera: textures, lamps, windows, and darker
corners.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.rooms.layout import Room
from training.rooms.shadows import FloorShadow
from training.rooms.textures import PATTERNS, Points
from training.rooms.trace import RayGrid

Floats = NDArray[np.floating]
Vector = tuple[Floats, Floats, Floats]


def shade(
    room: Room, grid: RayGrid, depth: NDArray[np.float32], index: NDArray[np.int32]
) -> Floats:
    """The light that comes back along every ray.

    Args:
        room: whose camera the rays start from.
        grid: the rays.
        depth: (H, W) metres along the optical axis.
        index: (H, W) into room.boxes; their number stands for the room's own faces. Both as
            `trace` gives them.

    Returns:
        (3, H, W) float32 linear radiance, RGB, at least 0.
    """
    table = _SurfaceTable(room)
    faces = _Faces(room, table, grid, depth, index)
    light = _irradiance(room, faces)
    light *= _occlusion(room, faces)
    floor = np.flatnonzero(faces.is_room & faces.level & ~faces.positive)
    x, y, _ = faces.point
    light[:, floor] *= table.floor_shadow.at(x.take(floor), y.take(floor))
    light += table.emission.take(faces.material)
    return (_albedo(table, faces, grid.pixel) * light).reshape(3, *depth.shape)


class _SurfaceTable:
    """Everything about a room's faces that shading looks up by index; the room itself is the last
    box.
    """

    def __init__(self, room: Room) -> None:
        boxes = room.boxes
        size = np.asarray(room.size, float)
        centre = np.vstack([boxes.centre, 0.5 * size])
        half = np.vstack([boxes.half, 0.5 * size])
        yaw = np.append(boxes.yaw, 0.0)
        frame = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
        columns = np.concatenate([centre, half, frame], axis=1)
        self.frames = np.ascontiguousarray(columns.T, np.float32)  # (8, N + 1)
        faces = np.repeat(np.append(boxes.material, 0)[:, None], 6, axis=1)
        faces[-1] = room.shell
        self.material = faces.astype(np.int32)  # (N + 1, 6): -x, +x, -y, +y, -z, +z
        materials = room.materials
        self.kind = np.array([m.kind for m in materials])
        self.colour = np.array([m.colour for m in materials], np.float32).T.copy()
        self.accent = np.array([m.accent for m in materials], np.float32).T.copy()
        self.scale = np.maximum(np.array([m.scale for m in materials], np.float32).T, 1e-3)
        self.seed = np.array([m.seed for m in materials], np.int64)
        self.floor_shadow = FloorShadow(room)
        self.emission = np.array([m.emission for m in materials], np.float32)


class _Faces:
    """The faces that M rays meet: arrays (M,), one entry per ray, row by row.

    Attributes:
        rotation: (3, 3), camera to world.
        ray: direction in the world frame; it goes one metre along the optical axis.
        depth: metres along the optical axis.
        point: where the ray ends, metres in the world frame.
        place: the same in the frame of the box that it meets.
        half: half the box's extents, metres.
        cos, sin: of the box's yaw.
        is_room: the box is the room, seen from inside.
        axis: of the box, that the face is across: 0, 1 or 2.
        upright_x: the axis is 0.
        level: it is 2.
        positive: the face is on its positive side.
        material: index into the room's materials.
    """

    def __init__(
        self,
        room: Room,
        table: _SurfaceTable,
        grid: RayGrid,
        depth: NDArray[np.float32],
        index: NDArray[np.int32],
    ) -> None:
        self.rotation = r = room.camera.rotation.astype(np.float32)
        eye = room.camera.position
        column = np.broadcast_to(grid.columns[None, :], depth.shape).ravel()
        row = np.broadcast_to(grid.rows[:, None], depth.shape).ravel()
        self.depth, box = depth.ravel(), index.ravel()
        x, y, z = (r[k, 0] * column + r[k, 1] * row + r[k, 2] for k in range(3))
        self.ray = x, y, z
        px, py, pz = (self.depth * self.ray[k] + np.float32(eye[k]) for k in range(3))
        self.point = px, py, pz
        cx, cy, cz, hx, hy, hz, self.cos, self.sin = table.frames.take(box, axis=1)
        self.half = hx, hy, hz
        self.place = self.turned((px - cx, py - cy, pz - cz))
        rx, ry, rz = (np.abs(p) / h for p, h in zip(self.place, self.half, strict=True))
        self.is_room = box == table.frames.shape[1] - 1
        self.upright_x = (rx >= ry) & (rx >= rz)
        self.level = ~self.upright_x & (rz > ry)
        self.positive = self.across(self.place) > 0
        self.axis = np.where(self.upright_x, 0, np.where(self.level, 2, 1)).astype(np.int32)
        side = 2 * self.axis + self.positive
        self.material = table.material.ravel().take(box * 6 + side)

    def turned(self, vector: Vector | Floats) -> Vector:
        """Vectors in the world frame, in the frames of the boxes."""
        x, y, z = vector
        return self.cos * x + self.sin * y, self.cos * y - self.sin * x, z

    def along(self, vector: Vector) -> tuple[Floats, Floats]:
        """The parts along the face's two sides, of vectors in the frames of the boxes."""
        x, y, z = vector
        return np.where(self.upright_x, y, x), np.where(self.level, y, z)

    def across(self, vector: Vector) -> Floats:
        """The part along the face's axis, of vectors in the frames of the boxes."""
        x, y, z = vector
        return np.where(self.upright_x, x, np.where(self.level, z, y))

    def normal(self) -> Vector:
        """Of the face, towards the camera's side, in the world frame."""
        sign = np.where(self.positive ^ self.is_room, np.float32(1), np.float32(-1))
        return (
            sign * np.where(self.upright_x, self.cos, np.where(self.level, 0, -self.sin)),
            sign * np.where(self.upright_x, self.sin, np.where(self.level, 0, self.cos)),
            sign * self.level,
        )


def _albedo(table: _SurfaceTable, faces: _Faces, pixel: tuple[float, float]) -> Floats:
    """(3, M) reflectance."""
    kind, points = table.kind.take(faces.material), _pattern_points(table, faces, pixel)
    albedo = points.colour
    for k, pattern in PATTERNS.items():
        chosen = np.flatnonzero(kind == k)
        if chosen.size:
            albedo[:, chosen] = pattern(points.take(chosen))
    return albedo


def _pattern_points(table: _SurfaceTable, faces: _Faces, pixel: tuple[float, float]) -> Points:
    x, y, z = (p + h for p, h in zip(faces.place, faces.half, strict=True))
    (u, v), (su, sv) = faces.along((x, y, z)), faces.along(faces.half)
    fu, fv = _footprints(faces, pixel)
    scale_u, scale_v = table.scale.take(faces.material, axis=1)
    return Points(
        u=u,
        v=v,
        fu=fu,
        fv=fv,
        su=2 * su,
        sv=2 * sv,
        level=faces.level,
        colour=table.colour.take(faces.material, axis=1),
        accent=table.accent.take(faces.material, axis=1),
        scale_u=scale_u,
        scale_v=scale_v,
        seed=table.seed.take(faces.material),
    )


def _footprints(faces: _Faces, pixel: tuple[float, float]) -> tuple[Floats, Floats]:
    """The extent of a pixel on its face, metres, along u and v (ray differentials)."""
    ray = faces.turned(faces.ray)
    (ray_u, ray_v), ray_n = faces.along(ray), faces.across(ray)
    ray_n = np.where(np.abs(ray_n) < 1e-4, np.float32(1e-4), ray_n)
    extent_u = extent_v = np.zeros_like(ray_n)
    for k in range(2):
        step = faces.turned(faces.rotation[:, k])
        (step_u, step_v), slide = faces.along(step), faces.across(step) / ray_n
        extent_u = extent_u + np.abs(step_u - ray_u * slide) * np.float32(pixel[k])
        extent_v = extent_v + np.abs(step_v - ray_v * slide) * np.float32(pixel[k])
    return faces.depth * extent_u, faces.depth * extent_v


def _irradiance(room: Room, faces: _Faces) -> Floats:
    """(3, M): ambient light, a little more on faces that look up, plus every lamp and window."""
    point, normal = faces.point, faces.normal()
    lift = 0.85 + 0.15 * normal[2]
    light = np.asarray(room.ambient, np.float32)[:, None] * lift
    for lamp in room.lights:
        to = [np.float32(lamp.position[k]) - point[k] for k in range(3)]
        square = to[0] ** 2 + to[1] ** 2 + to[2] ** 2
        facing = np.maximum(to[0] * normal[0] + to[1] * normal[1] + to[2] * normal[2], 0.0)
        strength = facing / (np.sqrt(square) * (square + np.float32(0.6)))
        if lamp.normal is not None:
            leaving = -sum(to[k] * np.float32(lamp.normal[k]) for k in range(3))
            strength *= np.maximum(leaving / np.sqrt(square), 0.0) * 0.8 + 0.2
        light = light + np.asarray(lamp.colour, np.float32)[:, None] * strength
    return light


def _occlusion(room: Room, faces: _Faces) -> Floats:
    """(M,), 0..1: darker where walls meet and near floor and ceiling."""
    shadow = np.ones_like(faces.depth)
    for k in range(3):
        gap = np.minimum(faces.point[k], np.float32(room.size[k]) - faces.point[k])
        own = faces.is_room & (faces.axis == k)
        shadow = shadow * np.where(
            own, np.float32(1), 1.0 - 0.35 / (1.0 + 6.0 * np.maximum(gap, 0))
        )
    return shadow
