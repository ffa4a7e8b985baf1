import dataclasses
import math

import pytest

from moa_depth_ros.intrinsics import NYU_KINECT, Intrinsics


def test_resized_as_image_proc_does():
    half = NYU_KINECT.resized(320, 120)
    assert (half.width, half.height) == (320, 120)
    assert (half.fx, half.cx) == (NYU_KINECT.fx / 2, NYU_KINECT.cx / 2)
    assert (half.fy, half.cy) == (NYU_KINECT.fy / 4, NYU_KINECT.cy / 4)


def test_focal_ratio_compares_lenses_not_resolutions():
    assert NYU_KINECT.resized(320, 240).focal_ratio(NYU_KINECT) == pytest.approx(1.0)
    k = NYU_KINECT
    longer = Intrinsics(k.width, k.height, 2 * k.fx, 2 * k.fy, k.cx, k.cy)
    assert longer.resized(1280, 960).focal_ratio(k) == pytest.approx(2.0)
    assert k.focal_ratio(longer) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [(0, 480, 1.0), (640, 480, 0.0), (640, 480, math.inf)])
def test_impossible_cameras_are_refused(values):
    width, height, focal = values
    with pytest.raises(ValueError, match="camera: expected"):
        Intrinsics(width, height, focal, focal, 0.0, 0.0)


def test_focal_ratio_of_pictures_shaped_differently_is_the_geometric_mean():
    """The training images' lens, with images cut to half their height: 1 across, 2 down."""
    k = NYU_KINECT
    cut = Intrinsics(k.width, k.height // 2, k.fx, k.fy, k.cx, k.cy - k.height / 4)
    assert cut.focal_ratio(k) == pytest.approx(2**0.5)
    assert k.focal_ratio(cut) == pytest.approx(0.5**0.5)


def test_pictures_of_another_shape_are_not_this_cameras():
    assert NYU_KINECT.fitted(320, 241) == NYU_KINECT.resized(320, 241)  # rounded
    for width, height in ((480, 640), (1280, 720)):
        with pytest.raises(ValueError, match=f"{width}x{height} pixels do not fit this camera"):
            NYU_KINECT.fitted(width, height)


@pytest.mark.parametrize("name", ["fx", "fy", "cx", "cy"])
def test_every_value_of_a_camera_is_checked(name):
    impossible = [math.nan, math.inf, *([0.0, -1.0] if name.startswith("f") else [])]
    for value in impossible:
        with pytest.raises(ValueError, match="camera: expected"):
            dataclasses.replace(NYU_KINECT, **{name: value})
