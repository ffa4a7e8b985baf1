"""How a depth image becomes a cloud."""

import numpy as np
import pytest
import torch

from moa_depth_ros.depth.cloud import CloudOptions, mean_of_voxels, pack_cloud
from moa_depth_ros.depth.filters import drop_edges
from moa_depth_ros.depth.geometry import pack_depth, unproject
from moa_depth_ros.intrinsics import Intrinsics

CAMERA = Intrinsics(31, 22, 23.3, 24.1, 15.2, 10.7)


@pytest.fixture
def depth():
    return torch.rand(22, 31, generator=torch.Generator().manual_seed(0)) + 1.0


@pytest.fixture
def colour():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (22, 31, 3), dtype=torch.uint8, generator=generator)


def points_of(packed):
    return packed.numpy().copy().view("<f4")[..., :3]


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 40])
def test_a_strided_cloud_is_part_of_the_full_one_to_the_bit(depth, colour, stride):
    full = pack_depth(depth, colour, CAMERA)
    strided = pack_cloud(depth, colour, CAMERA, CloudOptions(stride=stride))
    assert torch.equal(strided, full[::stride, ::stride])


def test_without_colour_a_point_takes_twelve_bytes(depth, colour):
    depth[2, 3] = 0.0
    packed = pack_cloud(depth, colour, CAMERA, CloudOptions(colour=False))
    assert packed.shape == (22, 31, 12)
    np.testing.assert_array_equal(points_of(packed), points_of(pack_depth(depth, colour, CAMERA)))


def test_pixels_at_depth_steps_are_left_out(depth, colour):
    depth = torch.full((22, 31), 1.0)
    depth[:, 10:] = 2.0
    packed = pack_cloud(drop_edges(depth, 0.1), colour, CAMERA, CloudOptions(stride=2))
    missing = np.isnan(points_of(packed)[..., 2])
    assert missing[:, 5].all()  # column 10; the stride left out column 9
    assert missing.sum() == 11


def test_voxels_have_one_point_each_the_mean_of_what_is_in_them():
    points = torch.tensor(
        [[0.1, 0.1, 1.1], [0.3, 0.3, 1.3], [-0.1, 0.1, 1.1], [0.6, 0.1, 1.1], [0.2, 0.2, 1.2]]
    )
    colour = torch.tensor([[10, 0, 255]] * 2 + [[1, 2, 3]] * 2 + [[40, 0, 255]]).byte()
    means, colours = mean_of_voxels(points, colour, 0.5)
    found = {
        tuple(np.round(p.tolist(), 5)): c.tolist() for p, c in zip(means, colours, strict=True)
    }
    assert found == {
        (0.2, 0.2, 1.2): [20, 0, 255],
        (-0.1, 0.1, 1.1): [1, 2, 3],
        (0.6, 0.1, 1.1): [1, 2, 3],
    }


def test_voxels_agree_with_a_plain_loop(depth, colour):
    depth[5, 5], depth[6, 6] = torch.nan, 0.0
    packed = pack_cloud(depth, colour, CAMERA, CloudOptions(voxel_size=0.25))
    assert packed.shape[1:] == (16,)
    groups = {}
    for point in unproject(depth, CAMERA).reshape(-1, 3).double().tolist():
        if point[2] > 0:
            groups.setdefault(tuple(int(np.floor(x / 0.25)) for x in point), []).append(point)
    expected = sorted(np.mean(group, axis=0).tolist() for group in groups.values())
    np.testing.assert_allclose(sorted(points_of(packed).tolist()), expected, atol=1e-5)


def test_many_points_far_away_keep_their_mean():
    spread = torch.rand(200_000, 3, generator=torch.Generator().manual_seed(2)) * 0.4
    points = torch.tensor([[80.0, -80.0, 90.0]]) + spread
    means, _ = mean_of_voxels(points, torch.zeros(200_000, 3).byte(), 10.0)
    np.testing.assert_allclose(means, points.double().mean(0, keepdim=True), atol=1e-3)


def test_a_picture_without_readings_gives_no_voxels(colour):
    nothing = torch.full((22, 31), torch.nan)
    assert pack_cloud(nothing, colour, CAMERA, CloudOptions(voxel_size=0.1)).shape == (0, 16)
    packed = pack_cloud(nothing, colour, CAMERA, CloudOptions(voxel_size=0.1, colour=False))
    assert packed.shape == (0, 12)


@pytest.mark.parametrize("stride", [1, 3])
def test_voxels_have_the_colours_of_the_pixels_that_stride_leaves(stride):
    """Voxels so small that no two pixels share one: the organised cloud's points, reordered."""
    generator = torch.Generator().manual_seed(0)
    depth = torch.rand(22, 31, generator=generator) + 1.0
    depth[3, 3] = torch.nan
    colour = torch.randint(0, 256, (22, 31, 3), dtype=torch.uint8, generator=generator)
    plain = pack_cloud(depth, colour, CAMERA, CloudOptions(stride)).reshape(-1, 16)
    voxels = pack_cloud(depth, colour, CAMERA, CloudOptions(stride, voxel_size=0.001))

    def by_place(packed):
        places, colours = packed.numpy()[:, :12].copy().view("<f4"), packed.numpy()[:, 12:]
        return {
            tuple(np.round(p, 4).tolist()): c.tolist()
            for p, c in zip(places, colours, strict=True)
            if p[2] > 0
        }

    expected = by_place(plain)
    assert len(expected) == len(voxels)
    assert by_place(voxels) == expected


def test_a_voxels_colour_is_rounded():
    points = torch.tensor([[0.1, 0.1, 1.1]] * 3)
    colour = torch.tensor([[10, 0, 255], [11, 0, 255], [11, 1, 254]]).byte()
    assert mean_of_voxels(points, colour, 0.5)[1].tolist() == [[11, 0, 255]]
