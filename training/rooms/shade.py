"""The light that leaves surface points towards the camera: textures, lamps, windows, and darker
corners.
"""

import numpy as np

from training.rooms.shadows import FloorShadow
from training.rooms.textures import PATTERNS, Points


class SurfaceTable:
    """Everything about a room's faces that shading looks up by index; the room itself is the last
    box.
    """

    def __init__(self, room):
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


def shade(room, table: SurfaceTable, x, y, depth, index, pixel: tuple[float, float]) -> np.ndarray:
    """Radiance (3, M), linear, of M points given by image-plane place x, y, depth in metres and box
    index.

    pixel: the size of a pixel in the image plane, (1 / fx, 1 / fy).
    """
    r = room.camera.rotation.astype(np.float32)
    eye = room.camera.position
    ray = [r[k, 0] * x + r[k, 1] * y + r[k, 2] for k in range(3)]
    point = [depth * ray[k] + np.float32(eye[k]) for k in range(3)]
    cx, cy, cz, hx, hy, hz, c, s = table.frames.take(index, axis=1)
    px, py = point[0] - cx, point[1] - cy
    place = (c * px + s * py, c * py - s * px, point[2] - cz)
    ratio = [np.abs(p) / h for p, h in zip(place, (hx, hy, hz), strict=True)]
    side_x = (ratio[0] >= ratio[1]) & (ratio[0] >= ratio[2])
    level = ~side_x & (ratio[2] > ratio[1])
    axis = np.where(side_x, 0, np.where(level, 2, 1)).astype(np.int32)
    on_axis = np.where(side_x, place[0], np.where(level, place[2], place[1]))
    positive = on_axis > 0
    material = table.material.ravel().take(index * 6 + 2 * axis + positive)

    surface = _face_points(table, material, place, (hx, hy, hz), side_x, level)
    surface.fu, surface.fv = _footprints(ray, r, c, s, depth, side_x, level, pixel)
    albedo = _albedo(table, material, surface)
    is_room = index == table.frames.shape[1] - 1
    sign = np.where(positive ^ is_room, np.float32(1), np.float32(-1))
    normal = (
        sign * np.where(side_x, c, np.where(level, 0, -s)),
        sign * np.where(side_x, s, np.where(level, 0, c)),
        sign * level,
    )
    light = _irradiance(room, point, normal)
    light *= _occlusion(room, point, axis, is_room)
    floor = np.flatnonzero(is_room & level & ~positive)
    light[:, floor] *= table.floor_shadow.at(point[0].take(floor), point[1].take(floor))
    return albedo * (light + table.emission.take(material))


def _face_points(table, material, place, half, side_x, level) -> Points:
    lx, ly, lz = (p + h for p, h in zip(place, half, strict=True))
    u, su = np.where(side_x, ly, lx), 2 * np.where(side_x, half[1], half[0])
    v, sv = np.where(level, ly, lz), 2 * np.where(level, half[1], half[2])
    return Points(u, v, u, v, su, sv, level, *_looked_up(table, material))


def _looked_up(table, material):
    scale = table.scale.take(material, axis=1)
    colour, accent = table.colour.take(material, axis=1), table.accent.take(material, axis=1)
    return colour, accent, scale[0], scale[1], table.seed.take(material)


def _footprints(ray, r, c, s, depth, side_x, level, pixel):
    """The extent of a pixel on its face, metres, along u and v (ray differentials)."""

    def local(v):
        return c * v[0] + s * v[1], c * v[1] - s * v[0], v[2]

    def split(v):
        return (
            np.where(side_x, v[1], v[0]),
            np.where(level, v[1], v[2]),
            np.where(side_x, v[0], np.where(level, v[2], v[1])),
        )

    ray_u, ray_v, ray_n = split(local(ray))
    ray_n = np.where(np.abs(ray_n) < 1e-4, np.float32(1e-4), ray_n)
    extent = [0.0, 0.0]
    for k in range(2):
        step_u, step_v, step_n = split(local(r[:, k]))
        slide = step_n / ray_n
        extent[0] = extent[0] + np.abs(step_u - ray_u * slide) * np.float32(pixel[k])
        extent[1] = extent[1] + np.abs(step_v - ray_v * slide) * np.float32(pixel[k])
    return depth * extent[0], depth * extent[1]


def _albedo(table, material, surface: Points) -> np.ndarray:
    kind = table.kind.take(material)
    albedo = surface.colour
    for k, pattern in PATTERNS.items():
        chosen = np.flatnonzero(kind == k)
        if chosen.size:
            part = Points(*(a.take(chosen, axis=a.ndim - 1) for a in vars(surface).values()))
            albedo[:, chosen] = pattern(part)
    return albedo


def _irradiance(room, point, normal) -> np.ndarray:
    """(3, M): ambient light, a little more on faces that look up, plus every lamp and window."""
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


def _occlusion(room, point, axis, is_room) -> np.ndarray:
    """Darker where walls meet and near the floor."""
    shadow = np.float32(1.0)
    for k in range(3):
        gap = np.minimum(point[k], np.float32(room.size[k]) - point[k])
        own = is_room & (axis == k)
        shadow = shadow * np.where(
            own, np.float32(1), 1.0 - 0.35 / (1.0 + 6.0 * np.maximum(gap, 0))
        )
    return shadow
