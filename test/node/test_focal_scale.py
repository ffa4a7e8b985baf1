"""The metric scale follows the camera's lens, and the log says what was done."""

import dataclasses

from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.ros.focal_scale import FocalScale

WIDE = dataclasses.replace(NYU_KINECT, fx=NYU_KINECT.fx / 2, fy=NYU_KINECT.fy / 2)


def focal_scale(taken=lambda: True):
    lines = []

    def log(line):
        if taken():
            lines.append(line)
        return taken()

    return FocalScale(NYU_KINECT, log), lines


def test_it_says_once_what_it_does_with_both_focal_lengths():
    scale, lines = focal_scale()
    for camera in (WIDE, WIDE, WIDE.resized(320, 240)):
        assert scale.camera_for(camera, wanted=True) is camera
        assert scale.ratio == 0.5
    assert lines == [
        "This camera's focal length is 0.500 times the training camera's at equal image size "
        "(259.4 x 259.7 px at 640x480 against 518.9 x 519.5 px at 640x480): "
        "depth is scaled by this factor."
    ]


def test_it_can_be_told_not_to_and_back():
    scale, lines = focal_scale()
    assert scale.camera_for(WIDE, wanted=False) is None
    assert scale.ratio == 1.0
    assert scale.camera_for(WIDE, wanted=True) is WIDE
    assert scale.ratio == 0.5
    assert [line.rpartition(": ")[2] for line in lines] == [
        "depth is not scaled, as asked.",
        "depth is scaled by this factor.",
    ]


def test_without_camera_info_nothing_is_scaled():
    scale, lines = focal_scale()
    assert scale.camera_for(None, wanted=True) is None
    assert (scale.ratio, lines) == (1.0, [])


def test_a_zoom_is_told():
    scale, lines = focal_scale()
    for factor in (1.0, 1.005, 1.02):
        camera = dataclasses.replace(WIDE, fx=WIDE.fx * factor, fy=WIDE.fy * factor)
        scale.camera_for(camera, wanted=True)
    assert len(lines) == 2


def test_what_was_not_taken_is_told_with_a_later_picture():
    taken = [True]
    scale, lines = focal_scale(lambda: taken[0])
    scale.camera_for(WIDE, wanted=True)
    taken[0] = False  # during a zoom, no line is accepted until it ends
    for _ in range(3):
        scale.camera_for(NYU_KINECT, wanted=True)
    assert len(lines) == 1
    taken[0] = True
    for _ in range(3):
        scale.camera_for(NYU_KINECT, wanted=True)
    assert len(lines) == 2 and "1.000 times" in lines[1]
    assert lines[1].endswith("depth needs no scaling.")


def test_a_camera_info_that_became_useless_ends_the_scaling():
    scale = FocalScale(NYU_KINECT, lambda line: True)
    scale.camera_for(WIDE, wanted=True)
    assert scale.camera_for(None, wanted=True) is None
    assert scale.ratio == 1.0
