"""The cloud equals depth_image_proc's of the same depth and CameraInfo, and fits its fields."""

import numpy as np
import pytest
import torch
from sensor_msgs.msg import CameraInfo, PointCloud2
from std_msgs.msg import Header

from demo.messages import read_cloud
from moa_depth_ros.depth.cloud import CloudOptions
from moa_depth_ros.pictures.calibration import intrinsics_for
from moa_depth_ros.ros.camera_info import camera_info_for
from moa_depth_ros.ros.messages import fill_cloud
from test.node.harness import CAMERA, cloud_message, colourful

HEADER = Header(frame_id="lens")


def depth_image_proc_points(depth, info):
    """``convertDepth`` of depth_image_proc with ``image_geometry::PinholeCameraModel``, from their
    sources: P, shifted by the ROI's offset, divided by the binning; then, for each pixel, ``(u -
    center_x) * depth * constant_x`` with ``constant_x = 1 / fx``. In floats, like there.

    If P is all zero (image_geometry requires P), K takes its place.
    """
    p = info.p if info.p[0] else [*info.k[:3], 0, *info.k[3:6], 0]
    binning_x, binning_y = max(info.binning_x, 1), max(info.binning_y, 1)
    fx, cx = p[0] / binning_x, (p[2] - info.roi.x_offset) / binning_x
    fy, cy = p[5] / binning_y, (p[6] - info.roi.y_offset) / binning_y
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]]
    x = (u - np.float32(cx)) * depth * np.float32(1 / fx)
    y = (v - np.float32(cy)) * depth * np.float32(1 / fy)
    return np.stack([x, y, depth], axis=-1)


def camera_info(width, height, *, p=True, binning=(0, 0), roi=(0, 0, 0, 0)):
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    info.k = [533.7, 0.0, 317.9, 0.0, 535.1, 241.3, 0.0, 0.0, 1.0]
    if p:
        info.p = [501.3, 0.0, 322.6, -37.1, 0.0, 503.9, 238.4, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.binning_x, info.binning_y = binning
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = roi
    return info


@pytest.mark.parametrize(
    ("info", "size"),
    [
        (camera_info(640, 480), (640, 480)),
        (camera_info(640, 480, p=False), (640, 480)),
        (camera_info(640, 480, binning=(2, 4)), (320, 120)),
        (camera_info(641, 483, binning=(2, 2)), (320, 241)),
        (camera_info(640, 480, roi=(101, 57, 200, 160)), (200, 160)),
        (camera_info(640, 480, roi=(101, 57, 201, 161), binning=(2, 2)), (100, 80)),
        (camera_info(640, 480, p=False, roi=(101, 57, 200, 160), binning=(2, 2)), (100, 80)),
    ],
)
def test_the_cloud_is_depth_image_procs(info, size):
    width, height = size
    depth = np.random.default_rng(0).uniform(0.3, 10, (height, width)).astype(np.float32)
    colour = torch.zeros(height, width, 3, dtype=torch.uint8)
    intrinsics = intrinsics_for(info, width, height)
    points, _ = read_cloud(
        cloud_message(HEADER, torch.from_numpy(depth), colour, intrinsics, CloudOptions())
    )
    expected = depth_image_proc_points(depth, info)
    np.testing.assert_allclose(points, expected, rtol=3e-7, atol=1e-6)
    # And so does anyone who makes a cloud from ~/depth and ~/camera_info.
    answer = camera_info_for(info, HEADER, width, height)
    np.testing.assert_allclose(
        depth_image_proc_points(depth, answer), expected, rtol=3e-7, atol=1e-6
    )


def cloud_of(options):
    depth = torch.full((CAMERA.height, CAMERA.width), 2.0)
    depth[3, 4] = torch.nan
    return cloud_message(HEADER, depth, torch.from_numpy(colourful()), CAMERA, options)


def test_a_strided_cloud_stays_organised():
    msg = cloud_of(CloudOptions(stride=5))
    assert (msg.height, msg.width, msg.row_step, msg.is_dense) == (13, 20, 320, False)
    points, colours = read_cloud(msg)
    full, full_colours = read_cloud(cloud_of(CloudOptions()))
    np.testing.assert_array_equal(points, full[::5, ::5])
    np.testing.assert_array_equal(colours, full_colours[::5, ::5])


def test_a_cloud_of_voxels_is_dense_and_has_one_row():
    msg = cloud_of(CloudOptions(voxel_size=0.5))
    assert (msg.height, msg.point_step, msg.is_dense) == (1, 16, True)
    assert msg.row_step == len(msg.data) == 16 * msg.width
    points, _ = read_cloud(msg)
    assert np.isfinite(points).all()
    cells = np.floor(points[0] / 0.5)
    assert len(np.unique(cells, axis=0)) == msg.width > 10


def test_an_empty_cloud_of_voxels_is_a_message_still():
    depth = torch.full((CAMERA.height, CAMERA.width), torch.nan)
    options = CloudOptions(voxel_size=0.5)
    msg = cloud_message(HEADER, depth, torch.from_numpy(colourful()), CAMERA, options)
    assert (msg.height, msg.width, msg.row_step, len(msg.data)) == (1, 0, 0, 0)


def test_a_cloud_that_is_written_over_another_is_as_a_new_one():
    reused, colour = PointCloud2(), torch.from_numpy(colourful())
    depths = [torch.full((CAMERA.height, CAMERA.width), metres) for metres in (1.0, 2.0)]
    for options in (
        CloudOptions(),
        CloudOptions(voxel_size=0.5),
        CloudOptions(stride=3, colour=False),
        CloudOptions(),
    ):
        for depth in depths:
            before = reused.data
            fill_cloud(reused, Header(frame_id="another"), depth, colour, CAMERA, options)
            assert reused.header.frame_id == "another"
            fill_cloud(reused, HEADER, depth, colour, CAMERA, options)
            assert reused == cloud_message(HEADER, depth, colour, CAMERA, options)
        # Of the same size, and so in the same memory; a new view of it would keep the one before.
        assert options.voxel_size or reused.data is before


def test_without_colour_there_is_no_field_for_it():
    msg = cloud_of(CloudOptions(colour=False))
    assert [field.name for field in msg.fields] == ["x", "y", "z"]
    assert (msg.point_step, msg.row_step, len(msg.data)) == (12, 12 * 96, 12 * 96 * 64)
    points = np.frombuffer(msg.data, "<f4").reshape(64, 96, 3)
    np.testing.assert_array_equal(points, read_cloud(cloud_of(CloudOptions()))[0])
