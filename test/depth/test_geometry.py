"""Clouds of planes at known places."""

import numpy as np
import pytest
import torch

from moa_depth_ros.depth.geometry import pack, pack_depth, unproject
from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics

CAMERA = Intrinsics(8, 6, fx=10.0, fy=12.0, cx=3.0, cy=2.0)


def test_wall_facing_the_camera():
    points = unproject(torch.full((6, 8), 3.0), CAMERA)
    assert points.shape == (6, 8, 3)
    assert points[2, 3].tolist() == [0.0, 0.0, 3.0]
    torch.testing.assert_close(points[0, 7], torch.tensor([3.0 * 4 / 10, 3.0 * -2 / 12, 3.0]))


def test_floor_below_the_camera():
    """Every pixel that sees a floor 1.2 m below the optical axis gives a point at y = 1.2."""
    camera = NYU_KINECT
    rows = torch.arange(300, 480, dtype=torch.float32)
    depth = torch.ones(480, 640)
    depth[300:] = (1.2 * camera.fy / (rows - camera.cy)).unsqueeze(1)
    floor = unproject(depth, camera)[300:]
    torch.testing.assert_close(floor[..., 1], torch.full((180, 640), 1.2))
    right = floor[:, 639, 0] > 0
    assert right.all() and (floor[:, 0, 0] < 0).all()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"depth is 8x6.*640x480"):
        unproject(torch.ones(6, 8), NYU_KINECT)


def test_packed_bytes_are_x_y_z_and_bgr():
    depth = torch.full((6, 8), 2.0)
    depth[0, 0], depth[0, 1], depth[0, 2], depth[0, 3] = 0.0, torch.nan, torch.inf, -1.0
    colour = torch.arange(6 * 8 * 3, dtype=torch.uint8).view(6, 8, 3)
    packed = pack_depth(depth, colour, CAMERA).numpy()
    assert packed.shape == (6, 8, 16) and packed.dtype == np.uint8
    kinds = {"names": ["x", "y", "z", "bgr"], "formats": ["<f4", "<f4", "<f4", ("u1", 4)]}
    points = packed.view(kinds)[..., 0]
    expected = unproject(depth, CAMERA).numpy()
    for axis, name in enumerate("xyz"):
        assert np.isnan(points[name][0, :4]).all()
        np.testing.assert_array_equal(points[name][1:], expected[1:, :, axis])
    np.testing.assert_array_equal(points["bgr"][..., 2::-1], colour.numpy())
    assert (points["bgr"][..., 3] == 0).all()


def test_packing_depth_equals_packing_its_points_to_the_bit():
    generator = torch.Generator().manual_seed(0)
    depth = torch.rand(6, 8, generator=generator) - 0.2
    depth[3, 3], depth[4, 4] = torch.nan, torch.inf
    colour = torch.randint(0, 256, (6, 8, 3), dtype=torch.uint8, generator=generator)
    points = unproject(depth, CAMERA)
    assert torch.equal(pack_depth(depth, colour, CAMERA), pack(points, colour))
    assert torch.equal(pack_depth(depth, None, CAMERA), pack(points, None))
