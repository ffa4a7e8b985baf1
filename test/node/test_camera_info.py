"""CameraInfo to intrinsics, and the CameraInfo of a depth image."""

import math

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.calibration import CameraInfoError, intrinsics_for, shape_warning
from moa_depth_ros.ros.camera_info import camera_info_for

HEADER = Header(frame_id="lens")


def camera_info(**changes):
    """640x480 with K for the raw and P for the rectified image, and a baseline in P."""
    info = CameraInfo(width=640, height=480, distortion_model="plumb_bob")
    info.d = [0.1, 0.2, 0.0, 0.0, 0.0]
    info.k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    info.p = [400.0, 0.0, 310.0, -40.0, 0.0, 410.0, 230.0, 20.0, 0.0, 0.0, 1.0, 0.0]
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def roi(x, y, width, height):
    info = camera_info()
    info.roi.x_offset, info.roi.y_offset = x, y
    info.roi.width, info.roi.height = width, height
    return info


def test_p_counts():
    expected = Intrinsics(640, 480, 400, 410, 310, 230)
    assert intrinsics_for(camera_info(), 640, 480) == expected


def test_k_counts_where_the_driver_left_p_zero():
    expected = Intrinsics(640, 480, 500, 510, 320, 240)
    assert intrinsics_for(camera_info(p=[0.0] * 12), 640, 480) == expected


def test_a_picture_of_another_size_scales_them():
    expected = Intrinsics(320, 120, 200, 102.5, 155, 57.5)
    assert intrinsics_for(camera_info(), 320, 120) == expected


def test_a_region_of_interest_shifts_the_principal_point():
    info = roi(100, 50, 200, 160)
    assert intrinsics_for(info, 200, 160) == Intrinsics(200, 160, 400, 410, 210, 180)
    assert intrinsics_for(info, 100, 80) == Intrinsics(100, 80, 200, 205, 105, 90)  # also binned
    corner = Intrinsics(200, 160, 400, 410, 310, 230)
    assert intrinsics_for(roi(0, 0, 200, 160), 200, 160) == corner


def test_a_region_of_a_camera_that_is_no_larger_than_the_picture_shifts_nothing():
    """Some drivers state both the remaining size and the region."""
    info = roi(100, 50, 200, 160)
    info.width, info.height = 200, 160
    assert intrinsics_for(info, 200, 160) == Intrinsics(200, 160, 400, 410, 310, 230)


def test_a_driver_that_leaves_the_size_out_means_the_picture():
    info = camera_info(width=0, height=0)
    assert intrinsics_for(info, 320, 240) == Intrinsics(320, 240, 400, 410, 310, 230)


@pytest.mark.parametrize(
    "bad",
    [
        CameraInfo(width=640, height=480),
        camera_info(p=[math.nan] * 12),
        camera_info(p=[-400.0, *[1.0] * 11]),
        camera_info(p=[0.0] * 12, k=[math.inf] * 9),
        camera_info(p=[400.0, 0.0, math.nan, 0.0, 0.0, 410.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        camera_info(p=[400.0, *[0.0] * 11]),
    ],
)
def test_unusable_intrinsics_are_refused(bad):
    with pytest.raises(CameraInfoError, match=r"no usable intrinsics \(from [KP]: fx="):
        intrinsics_for(bad, 640, 480)
    with pytest.raises(CameraInfoError):
        camera_info_for(bad, HEADER, 320, 240)


@pytest.mark.parametrize(
    ("model", "d", "expected"),
    [
        ("", [], ("plumb_bob", [0.0] * 5)),
        ("rational_polynomial", [0.0] * 8, ("plumb_bob", [0.0] * 5)),
        ("fisheye", [0.0] * 4, ("equidistant", [0.0] * 4)),
        ("plumb_bob", [0.1, 0.2, 0.0, 0.0, 0.0], ("plumb_bob", [0.1, 0.2, 0.0, 0.0, 0.0])),
    ],
)
def test_the_lens_has_a_model_that_readers_know(model, d, expected):
    info = camera_info_for(camera_info(distortion_model=model, d=d), HEADER, 640, 480)
    assert (info.distortion_model, list(info.d)) == expected


def test_the_same_size_changes_only_the_header():
    info = camera_info()
    expected = camera_info(header=HEADER)
    assert camera_info_for(info, HEADER, 640, 480) == expected
    assert info == camera_info()


def test_binning_of_a_picture_as_large_as_the_sensor_is_not_handed_on():
    """Some drivers state both the remaining size and the binning; a reader would bin twice."""
    info = camera_info(binning_x=2, binning_y=2)
    assert intrinsics_for(info, 640, 480) == intrinsics_for(camera_info(), 640, 480)
    assert camera_info_for(info, HEADER, 640, 480) == camera_info(header=HEADER)


def test_another_size_scales_k_and_p_as_image_proc_does():
    info = camera_info(binning_x=2, binning_y=4)
    result = camera_info_for(info, HEADER, 320, 120)
    assert (result.width, result.height) == (320, 120)
    np.testing.assert_allclose(result.k, [250, 0, 160, 0, 127.5, 60, 0, 0, 1])
    np.testing.assert_allclose(result.p, [200, 0, 155, -20, 0, 102.5, 57.5, 5, 0, 0, 1, 0])
    assert (result.binning_x, result.binning_y) == (0, 0)
    assert list(result.d) == list(info.d)
    assert info == camera_info(binning_x=2, binning_y=4)  # the cached message is unchanged


def test_a_region_of_interest_becomes_a_whole_picture():
    result = camera_info_for(roi(100, 50, 200, 160), HEADER, 200, 160)
    assert (result.width, result.height, result.roi.width) == (200, 160, 0)
    assert (result.p[2], result.p[6], result.k[2], result.k[5]) == (210, 180, 220, 190)
    again = intrinsics_for(result, 200, 160)
    assert again == Intrinsics(200, 160, 400, 410, 210, 180)


@pytest.mark.parametrize(
    ("info", "size", "warned"),
    [
        (camera_info(), (1280, 720), True),
        (camera_info(), (320, 240), False),
        (camera_info(), (107, 80), False),  # rounded
        (camera_info(binning_x=2, binning_y=4), (320, 120), False),
        (camera_info(binning_x=2), (320, 480), False),
        (camera_info(width=0, height=0), (1280, 720), False),
        (roi(100, 50, 200, 160), (100, 80), False),
        (roi(100, 50, 200, 160), (320, 240), True),
    ],
)
def test_a_picture_of_another_shape_is_warned_of(info, size, warned):
    warning = shape_warning(info, *size)
    assert (warning is not None) == warned
    assert not warned or "x".join(map(str, size)) in warning


def test_a_p_of_zeros_becomes_k_for_readers_of_p_alone():
    result = camera_info_for(camera_info(p=[0.0] * 12), HEADER, 320, 240)
    assert result.k[0] == 250
    np.testing.assert_array_equal(np.reshape(result.p, (3, 4))[:, :3], np.reshape(result.k, (3, 3)))
    np.testing.assert_array_equal(np.reshape(result.p, (3, 4))[:, 3], np.zeros(3))
