"""Endless supplies of frames from a seed: one room per frame, or a walk through one room."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from moa_depth_ros.intrinsics import Intrinsics
from training.rooms.camera_pose import CameraPose, nearest_wall
from training.rooms.layout import Room, sample_room
from training.rooms.render import Frame, render

WALK_CLEARANCE = 0.45  # metres between a walking camera and the nearest box


def sample_frame(seed: int, index: int, intrinsics: Intrinsics) -> Frame:
    """One frame of a stream: a room of its own, independent of every other frame and of the
    resolution.

    The same seed and index give the same room on every machine.

    Args:
        seed: of the stream, at least 0.
        index: of the frame, at least 0.
        intrinsics: of the camera, which also say how large the frame is.
    """
    room_rng, photo_rng = _generators(seed, index)
    return render(sample_room(room_rng), intrinsics, photo_rng)


def sample_walk(seed: int, num_frames: int, intrinsics: Intrinsics) -> Iterator[Frame]:
    """One room, the camera swaying slowly to and fro and back to its start: a closed loop of
    num_frames frames.

    Exposure and white balance stay the same, sensor noise differs from frame to frame.

    Args:
        seed: of the room, at least 0.
        num_frames: of the loop, at least 1.
        intrinsics: of the camera, which also say how large a frame is.
    """
    room_rng, photo_rng = _generators(seed, 0)
    room = sample_room(room_rng)
    reach = _reach(room, num_frames)
    look = int(photo_rng.integers(1 << 31))
    for i in range(num_frames):
        moved = dataclasses.replace(
            room, camera=_swayed(room.camera, 2 * np.pi * i / num_frames, reach)
        )
        yield render(moved, intrinsics, np.random.default_rng(look), noise_rng=photo_rng)


def _generators(seed: int, index: int) -> list[np.random.Generator]:
    """One generator for the room and one for the photograph."""
    return [np.random.default_rng([seed, index, part]) for part in range(2)]


def _swayed(camera: CameraPose, phase: float, reach: float) -> CameraPose:
    """The camera after `phase` radians of a loop that moves it up to `reach` metres sideways and
    forward.
    """
    forward = np.array([np.cos(camera.yaw), np.sin(camera.yaw), 0.0])
    right = np.array([np.sin(camera.yaw), -np.cos(camera.yaw), 0.0])
    position = camera.position + reach * (
        np.sin(phase) * right + 0.5 * (1 - np.cos(phase)) * forward
    )
    yaw, pitch = camera.yaw + 0.2 * np.sin(phase), camera.pitch + 0.03 * np.sin(2 * phase)
    return CameraPose(position, yaw, pitch, camera.roll)


def _reach(room: Room, num_frames: int) -> float:
    """The longest sway, at most 0.4 m, that keeps the camera off boxes and walls."""
    for reach in (0.4, 0.3, 0.2, 0.1):
        loop = [_swayed(room.camera, 2 * np.pi * i / num_frames, reach) for i in range(num_frames)]
        if all(_is_free(room, camera) for camera in loop):
            return reach
    return 0.0


def _is_free(room: Room, camera: CameraPose) -> bool:
    x, y, _ = camera.position
    inside = min(x, y, room.size[0] - x, room.size[1] - y) > 0.25
    return (
        inside
        and room.boxes.distance(camera.position).min() > WALK_CLEARANCE
        and nearest_wall(x, y, camera.yaw, room.size) > 0.6
    )
