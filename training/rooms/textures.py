"""Procedural textures: the reflectance of surface points, averaged over the pixel that sees them.

Every pattern knows its pixel's footprint in metres (fu, fv), so that a small image looks like an
area-averaged large one. Arrays have one entry per point along their last axis, float32 unless
stated otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.rooms.materials import FABRICS, Kind, linear

Floats = NDArray[np.floating]

_TABLE = np.random.default_rng(20240229)
RANDOM = _TABLE.random(4096, dtype=np.float32)


def _smooth_noise(size: int, exponent: float) -> Floats:
    """A periodic (size, size) noise image with a 1/f**exponent spectrum, mean 0, deviation 1."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(_TABLE.standard_normal((size, size))) / frequency**exponent
    noise = np.fft.ifft2(spectrum).real
    return (noise / noise.std()).astype(np.float32)


CLOUDS = _smooth_noise(256, 1.6)
GRAIN = _smooth_noise(256, 0.5)


@dataclass
class Points:
    """Surface points that share a pattern: arrays (n,), unless stated otherwise.

    Attributes:
        u, v: place on the face from its corner, metres.
        fu, fv: the pixel's extent along them, metres.
        su, sv: the face's size along them, metres.
        level: True on faces that look up or down.
        colour, accent: (3, n) linear.
        scale_u, scale_v: the pattern's repeat, metres.
        seed: of its variations.
    """

    u: Floats
    v: Floats
    fu: Floats
    fv: Floats
    su: Floats
    sv: Floats
    level: NDArray[np.bool_]
    colour: Floats
    accent: Floats
    scale_u: Floats
    scale_v: Floats
    seed: NDArray[np.int64]

    def take(self, chosen: NDArray[np.intp]) -> Points:
        """Some of the points, by index."""
        return Points(*(values.take(chosen, axis=-1) for values in vars(self).values()))


def _hash(i: NDArray, j: NDArray, seed: NDArray[np.int64]) -> Floats:
    """A uniform number in [0, 1) for every lattice cell."""
    mixed = (
        (i.astype(np.int64) * 73856093)
        ^ (np.asarray(j).astype(np.int64) * 19349663)
        ^ (seed * 83492791)
    )
    return RANDOM[(mixed ^ (mixed >> 13)) & 4095]


def _lookup(
    noise: Floats, u: Floats, v: Floats, seed: NDArray[np.int64], texel_u: float, texel_v: float
) -> Floats:
    """The noise image at u, v with the given texel sizes in metres."""
    column = (u * (1.0 / texel_u)).astype(np.int64) + seed
    row = (v * (1.0 / texel_v)).astype(np.int64) + (seed >> 4)
    return noise[row & 255, column & 255]


def _fade(footprint: Floats, size: Floats | float) -> Floats:
    """1 where a pixel is much smaller than a detail, 0 where it is much larger."""
    ratio = footprint / size
    return 1.0 / (1.0 + ratio * ratio)


def _cell_contrast(footprint: Floats, size: Floats) -> Floats:
    """What averaging over a pixel leaves of the deviation between random cells of this size."""
    ratio = np.maximum(footprint / size, np.float32(1e-3))
    return np.sqrt(np.where(ratio < 1, 1 - ratio / 3, (1 - 1 / (3 * ratio)) / ratio))


def _covered(x: Floats, period: Floats | float, width: Floats | float, footprint: Floats) -> Floats:
    """The share of [x - footprint/2, x + footprint/2] inside the bands [k period, k period +
    width].
    """
    footprint = np.maximum(footprint, np.float32(1e-4))

    def area(y: Floats) -> Floats:
        cell = np.floor(y / period)
        return cell * width + np.minimum(y - cell * period, width)

    return (area(x + 0.5 * footprint) - area(x - 0.5 * footprint)) / footprint


def _mix(a: Floats, b: Floats | np.float32, share: Floats) -> Floats:
    return a + (b - a) * share


def _paint(p: Points) -> Floats:
    """Painted plaster, faintly uneven, with a skirting board of height scale_v along the floor."""
    colour = p.colour * (1.0 + 0.025 * _lookup(CLOUDS, p.u, p.v, p.seed, 0.03, 0.03))
    board = np.clip((p.scale_v - p.v) / np.maximum(p.fv, 1e-3) + 0.5, 0.0, 1.0) * ~p.level
    return _mix(colour, p.accent, board)


def _wood(p: Points) -> Floats:
    wide = p.su > p.sv
    along, across = np.where(wide, p.u, p.v), np.where(wide, p.v, p.u)
    grain = _lookup(GRAIN, along, across, p.seed, 0.05, 0.003)
    return p.colour * (1.0 + 0.12 * grain * _fade(np.where(wide, p.fv, p.fu), 0.006) + 0.04 * grain)


def _planks(p: Points) -> Floats:
    row = np.floor(p.u / p.scale_u)
    shift = _hash(row, row, p.seed) * p.scale_v
    board = np.floor((p.v + shift) / p.scale_v)
    tone = (_hash(row, board, p.seed) - 0.5) * 0.45 * _cell_contrast(p.fu, p.scale_u)
    grain = _lookup(GRAIN, p.v + 3 * shift, p.u, p.seed, 0.04, 0.003)
    tone += 0.1 * grain * _fade(p.fu, 0.008)
    gap = _covered(p.u, p.scale_u, 0.004, p.fu) + _covered(p.v + shift, p.scale_v, 0.004, p.fv)
    return _mix(p.colour * (1.0 + tone), p.accent, np.minimum(gap, 1.0))


def _tiles(p: Points) -> Floats:
    cells = np.floor(p.u / p.scale_u), np.floor(p.v / p.scale_v)
    detail = _cell_contrast(np.maximum(p.fu, p.fv), p.scale_u)
    tone = (_hash(*cells, p.seed) - 0.5) * 0.14 * detail
    tone += 0.02 * _lookup(CLOUDS, p.u, p.v, p.seed, 0.01, 0.01)
    grout = np.float32(0.006) + 0.01 * p.scale_u
    u_line = _covered(p.u, p.scale_u, grout, p.fu)
    line = u_line + (1.0 - u_line) * _covered(p.v, p.scale_v, grout, p.fv)
    return _mix(p.colour * (1.0 + tone), p.accent, line)


def _fabric(p: Points) -> Floats:
    fine = _lookup(GRAIN, p.u, p.v, p.seed, 0.004, 0.004) * _fade(np.maximum(p.fu, p.fv), 0.005)
    return p.colour * (1.0 + 0.12 * fine + 0.05 * _lookup(CLOUDS, p.u, p.v, p.seed, 0.02, 0.02))


def _brick(p: Points) -> Floats:
    row = np.floor(p.v / p.scale_v)
    u = p.u + 0.5 * p.scale_u * (row % 2)
    tone = (
        (_hash(np.floor(u / p.scale_u), row, p.seed) - 0.5)
        * 0.5
        * _cell_contrast(np.maximum(p.fu, p.fv), p.scale_v)
    )
    u_line = _covered(u, p.scale_u, 0.012, p.fu)
    line = u_line + (1.0 - u_line) * _covered(p.v, p.scale_v, 0.012, p.fv)
    return _mix(p.colour * (1.0 + tone), p.accent, line)


SPINES = np.array([linear(c) for c in (*FABRICS, (225, 220, 205), (30, 30, 34))], np.float32).T


def _books(p: Points) -> Floats:
    column = np.floor(p.u / p.scale_u)
    index = (_hash(column, column, p.seed) * SPINES.shape[1]).astype(np.int64)
    detail = _cell_contrast(p.fu, p.scale_u)
    mean = SPINES.mean(axis=1)[:, None]
    title = _covered(p.v + 0.1 * _hash(column, index, p.seed), 0.11, 0.025, p.fv) * 0.4 * ~p.level
    colour = _mix(mean, SPINES[:, index], detail) * (
        1.0 - 0.5 * _covered(p.u, p.scale_u, 0.004, p.fu)
    )
    return _mix(colour, np.float32(0.6), title)


def _picture(p: Points) -> Floats:
    """A painting: a pale mount, then soft fields of three colours."""
    x, y = p.u / p.su, p.v / p.sv
    field = _lookup(CLOUDS, x, y, p.seed, 1 / 90, 1 / 90) + 1.5 * (y - 0.5) + 0.5 * (x - 0.5)
    share = np.clip(0.5 + 0.8 * field, 0.0, 1.0)
    third = np.clip(1.5 * _lookup(CLOUDS, x, y, p.seed + 77, 1 / 60, 1 / 60) - 0.5, 0.0, 1.0)
    colour = _mix(_mix(p.colour, p.accent, share), p.colour[::-1], third)
    edge = np.minimum(np.minimum(p.u, p.su - p.u), np.minimum(p.v, p.sv - p.v))
    mount = np.clip((0.03 - edge) / np.maximum(np.maximum(p.fu, p.fv), 1e-3) + 0.5, 0.0, 1.0) * (
        p.seed % 2
    )
    return _mix(colour, np.float32(0.8), mount)


def _outside(p: Points) -> Floats:
    """Through a window: sky (colour) above trees and houses (accent) at about eye level."""
    skyline = (
        0.25 + 0.3 * (p.seed % 97) / 97.0 + 0.05 * _lookup(CLOUDS, p.u, p.u, p.seed, 0.02, 0.02)
    )
    share = np.clip((p.v / p.sv - skyline) * 25.0, 0.0, 1.0)
    land = p.accent * (1.0 + 0.25 * _lookup(CLOUDS, p.u, p.v, p.seed, 0.015, 0.015))
    return _mix(np.maximum(land, 0.02), p.colour * (1.15 - 0.3 * p.v / p.sv), share)


def _panels(p: Points) -> Floats:
    """Doors and drawers: dark joints every scale_u, scale_v on upright faces."""
    u_line = _covered(p.u + 0.004, p.scale_u, 0.008, p.fu)
    line = u_line + (1.0 - u_line) * _covered(p.v + 0.004, p.scale_v, 0.008, p.fv)
    return _mix(p.colour, p.accent, line * ~p.level)


def _screen(p: Points) -> Floats:
    x, y = p.u / p.su, p.v / p.sv
    cell = np.floor(5 * x), np.floor(7 * y)
    content = _hash(*cell, p.seed) * (p.seed % 2)
    return p.colour * (1.0 + 0.5 * (x + y)) + p.accent * content


def _stripes(p: Points) -> Floats:
    """Hanging folds."""
    wave = np.sin(p.u * (6.2832 / p.scale_u) + 0.6 * np.sin(p.u * 3.1))
    return p.colour * (0.85 + 0.15 * wave * _fade(p.fu, 0.4 * p.scale_u))


PATTERNS: dict[Kind, Callable[[Points], Floats]] = {
    Kind.WOOD: _wood,
    Kind.PLANKS: _planks,
    Kind.TILES: _tiles,
    Kind.FABRIC: _fabric,
    Kind.BRICK: _brick,
    Kind.BOOKS: _books,
    Kind.PICTURE: _picture,
    Kind.OUTSIDE: _outside,
    Kind.PANELS: _panels,
    Kind.SCREEN: _screen,
    Kind.STRIPES: _stripes,
    Kind.PAINT: _paint,
}
