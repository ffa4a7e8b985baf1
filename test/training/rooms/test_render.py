"""Depth is exact, frames do not depend on resolution or order, cameras stand in possible places."""

import numpy as np
import pytest

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics
from training.rooms import render, sample_frame, sample_room, sample_walk
from training.rooms.boxes import Part
from training.rooms.materials import Kind, Material
from training.rooms.planner import Planner
from training.rooms.shadows import FloorShadow

CAMERA = Intrinsics(65, 49, 60.0, 60.0, 32.0, 24.0)
SMALL = NYU_KINECT.resized(128, 96)
WOOD = Material(Kind.WOOD, (0.4, 0.25, 0.15))


def world_points(depth, room, intrinsics):
    """(H, W, 3) world positions of a depth image's pixels."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    ray = np.stack(
        [
            (u - intrinsics.cx) / intrinsics.fx,
            (v - intrinsics.cy) / intrinsics.fy,
            np.ones(depth.shape),
        ],
        axis=-1,
    )
    return room.camera.position + (ray * depth[..., None].astype(float)) @ room.camera.rotation.T


def test_a_wall_has_its_distance_in_every_pixel(bare_room):
    depth = render(bare_room(), CAMERA, np.random.default_rng(0)).depth
    assert depth.dtype == np.float32
    # The far wall is 5.5 m away along the axis, and fills the middle: the side walls, floor and
    # ceiling begin where 5.5 |x| > 2 and where 5.5 y > 1.2 or < -1.3.
    assert depth[15:36, 12:53] == pytest.approx(5.5, abs=1e-5)
    # The floor: depth is height * fy / (v - cy).
    assert depth[48, 32] == pytest.approx(1.2 * 60 / 24, abs=1e-5)


def test_points_lie_on_the_shell_for_any_pose(bare_room):
    room = bare_room(yaw=1.2, pitch=-0.3, roll=0.03)
    points = world_points(render(room, CAMERA, np.random.default_rng(0)).depth, room, CAMERA)
    to_planes = np.concatenate([np.abs(points), np.abs(points - np.array(room.size))], axis=-1)
    assert to_planes.min(axis=-1).max() < 1e-5


def test_a_box_has_its_distance_and_hides_the_wall(bare_room):
    room = bare_room([Part(2.0, 3.0, 0.0, 1.0, 0.5, 2.0, WOOD)])
    depth = render(room, CAMERA, np.random.default_rng(0)).depth
    assert depth[24, 32] == pytest.approx(3.0 - 0.25 - 0.5, abs=1e-5)
    # Its edge, 0.5 m to the side, is between 13 and 14 pixels from the middle.
    assert depth[24, 19] == pytest.approx(2.25, abs=1e-5)
    assert depth[24, 18] == pytest.approx(5.5, abs=1e-5)


def test_a_turned_box_shows_its_edge(bare_room):
    room = bare_room([Part(2.0, 3.0, 0.0, 1.0, 1.0, 2.0, WOOD, np.pi / 4)])
    depth = render(room, CAMERA, np.random.default_rng(0)).depth
    assert depth[24, 32] == pytest.approx(2.5 - np.sqrt(0.5), abs=1e-4)
    assert depth[24, 28] > depth[24, 32] < depth[24, 36]


def outside(boxes, points):
    """(P, N) how far points (P, 3) are outside each box, along its farthest axis; < 0 inside"""
    away = points[:, None, :] - boxes.centre
    c, s = np.cos(boxes.yaw), np.sin(boxes.yaw)
    x, y = c * away[..., 0] + s * away[..., 1], c * away[..., 1] - s * away[..., 0]
    return (np.abs(np.stack([x, y, away[..., 2]], axis=-1)) - boxes.half).max(axis=-1)


@pytest.mark.parametrize("index", range(3))
def test_a_furnished_room_is_as_deep_as_its_first_surface(index):
    room = sample_room(np.random.default_rng([21, index]))
    depth = render(room, CAMERA, np.random.default_rng(0)).depth
    ends = world_points(depth, room, CAMERA).reshape(-1, 3)
    walls = np.minimum(np.abs(ends), np.abs(ends - np.array(room.size))).min(axis=1)
    surfaces = np.abs(outside(room.boxes, ends)).min(axis=1)
    assert np.minimum(walls, surfaces).max() < 1e-4
    for share in np.linspace(0.05, 0.999, 40):
        before = room.camera.position + share * (ends - room.camera.position)
        assert outside(room.boxes, before).min() > -1e-3


def test_frames_are_reproducible_and_independent():
    first = [sample_frame(7, i, SMALL) for i in range(3)]
    again = sample_frame(7, 2, SMALL)
    assert np.array_equal(first[2].picture, again.picture)
    assert np.array_equal(first[2].depth, again.depth)
    assert first[2].scene_type == again.scene_type
    assert not np.array_equal(first[0].depth, first[1].depth)
    assert not np.array_equal(sample_frame(8, 2, SMALL).depth, again.depth)


def test_a_frame_is_what_the_contract_says():
    frame = sample_frame(1, 0, SMALL)
    assert frame.picture.shape == (96, 128, 3) and frame.picture.dtype == np.uint8
    assert frame.depth.shape == (96, 128) and frame.depth.dtype == np.float32
    assert frame.picture.std() > 5


def test_streams_of_neighbouring_seeds_share_no_room():
    """Like those of demo.yaml, which trains on one and validates on the other."""
    camera = SMALL.resized(64, 48)
    depths = [sample_frame(seed, index, camera).depth for seed, index in ((100, 1), (101, 0))]
    assert not np.array_equal(*depths)


def test_light_on_the_floor_is_a_share_of_it():
    room = sample_room(np.random.default_rng(4))
    x, y = (
        values.ravel() for values in np.meshgrid(*(np.linspace(0, s, 60) for s in room.size[:2]))
    )
    share = FloorShadow(room).at(x.astype(np.float32), y.astype(np.float32))
    assert 0 < share.min() < 0.9 and share.max() <= 1


def test_any_resolution_sees_the_same_room():
    for index in range(3):
        large = sample_frame(3, index, SMALL.resized(256, 192)).depth[::2, ::2]
        small = sample_frame(3, index, SMALL).depth
        # Pixel (u, v) of the small image looks along pixel (2u, 2v) of the large one.
        assert np.mean(np.abs(large - small) < 1e-3) > 0.995


def area_averaged(picture, factor):
    height, width, _ = picture.shape
    blocks = picture.reshape(height // factor, factor, width // factor, factor, 3)
    return blocks.mean(axis=(1, 3))


def test_a_small_picture_looks_like_an_averaged_large_one():
    differences, contrasts = [], []
    for index in range(6):
        large = area_averaged(sample_frame(5, index, NYU_KINECT).picture.astype(float), 5)
        # The camera whose pixels are the averages of 5 x 5 pixels.
        cx, cy = (NYU_KINECT.cx - 2) / 5, (NYU_KINECT.cy - 2) / 5
        camera = Intrinsics(128, 96, NYU_KINECT.fx / 5, NYU_KINECT.fy / 5, cx, cy)
        small = sample_frame(5, index, camera).picture.astype(float)
        differences.append(np.abs(small - large).mean())
        contrasts.append(small.std() / large.std())
        assert abs(small.mean() - large.mean()) < 2
    assert np.mean(differences) < 4
    assert np.mean(contrasts) == pytest.approx(1.0, abs=0.05)


def test_cameras_stand_free_and_see_no_farther_than_ten_metres():
    for index in range(200):
        room = sample_room(np.random.default_rng([11, index]))
        x, y, z = room.camera.position
        assert 0.2 < x < room.size[0] - 0.2 and 0.2 < y < room.size[1] - 0.2
        assert 0.9 <= z <= 1.5 < room.size[2]
        assert room.boxes.distance(room.camera.position).min() > 0.5
        corners = np.array(np.meshgrid(*[(0, s) for s in room.size])).reshape(3, -1).T
        assert np.linalg.norm(corners - room.camera.position, axis=1).max() < 9.9
        low = room.boxes.centre[:, 2] - room.boxes.half[:, 2]
        high = room.boxes.centre[:, 2] + room.boxes.half[:, 2]
        assert low.min() > -1e-6 and high.max() < room.size[2] + 1e-6


def test_depths_are_those_of_a_room():
    depths = np.stack([sample_frame(2, i, SMALL.resized(64, 48)).depth for i in range(60)])
    assert depths.min() > 0.4 and depths.max() < 9.9
    assert 2.0 < depths.mean() < 4.5


def test_a_piece_never_pierces_another(bare_room):
    plan = Planner(np.random.default_rng(0), (4.0, 6.0, 2.5), bare_room().camera)
    assert plan.add([Part(2.0, 4.0, 0.0, 1.0, 1.0, 1.0, WOOD)])
    assert not plan.add([Part(2.6, 4.0, 0.5, 1.0, 1.0, 1.0, WOOD)])
    assert plan.add([Part(2.0, 4.0, 1.0, 0.5, 0.5, 0.2, WOOD)])  # on top of it
    assert not plan.add([Part(2.0, 1.2, 0.0, 0.5, 0.5, 1.5, WOOD)])  # too near the camera
    assert not plan.add([Part(3.9, 5.0, 0.0, 0.5, 0.5, 0.5, WOOD)])  # through a wall
    assert len(plan.parts) == 2


def test_a_walk_moves_smoothly_through_one_room():
    frames = list(sample_walk(4, 60, SMALL.resized(64, 48)))
    again = next(iter(sample_walk(4, 60, SMALL.resized(64, 48))))
    assert len(frames) == 60 and len({frame.scene_type for frame in frames}) == 1
    assert np.array_equal(frames[0].picture, again.picture)
    steps = [
        np.median(np.abs(a.depth - b.depth))
        for a, b in zip(frames, frames[1:] + frames[:1], strict=True)
    ]
    assert 0 < max(steps) < 0.2
