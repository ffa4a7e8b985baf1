"""Which CameraInfo an image gets."""

from __future__ import annotations

import threading
import time

import pytest
from sensor_msgs.msg import CameraInfo

from demo.messages import picture_message
from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.ros import info_history
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.info_history import FIRST_SECONDS, PAIR_SECONDS, RECENT, InfoHistory
from test.node.harness import CAMERA, Robot, colourful, header_at
from test.node.spinning import spinning_node


def info(stamp: int, width: int = 0) -> CameraInfo:
    return CameraInfo(header=header_at(stamp), width=width)


@pytest.fixture
def patience(monkeypatch):
    """How many seconds a CameraInfo is waited for here: the machine may be busy."""
    monkeypatch.setattr(info_history, "PAIR_SECONDS", 5.0)
    monkeypatch.setattr(info_history, "FIRST_SECONDS", 5.0)


def later(seconds: float, action) -> None:
    threading.Timer(seconds, action).start()


def test_of_one_stamp_else_the_newest():
    infos = InfoHistory()
    for stamp in (1, 2, 3):
        infos.add(info(stamp, width=stamp))
    assert infos.of(header_at(2)).width == 2
    assert infos.of(header_at(9)).width == 3


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("first", [True, False], ids=["of the first picture", "of a later one"])
def test_one_that_comes_after_its_picture_is_waited_for(first):
    infos = InfoHistory()
    if not first:
        infos.add(info(1))
        infos.of(header_at(1))
    later(0.005, lambda: infos.add(info(2, width=2)))
    assert infos.of(header_at(2)).width == 2


@pytest.mark.usefixtures("patience")
def test_a_late_one_shows_that_there_are_pairs():
    """The first image came too early to tell."""
    infos = InfoHistory()
    infos.add(info(1, width=1))
    assert infos.of(header_at(2)).width == 1
    infos.add(info(2))
    later(0.005, lambda: infos.add(info(3, width=3)))
    assert infos.of(header_at(3)).width == 3


def seconds_of(action) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def seconds_of_ten(infos: InfoHistory, first: int) -> float:
    stamps = range(first, first + 10)
    return seconds_of(lambda: [infos.of(header_at(stamp)) for stamp in stamps])


def test_what_does_not_come_is_not_waited_for_again_and_again():
    infos = InfoHistory()
    assert infos.of(header_at(1)) is None
    assert seconds_of_ten(infos, 2) < 4 * FIRST_SECONDS  # a camera without CameraInfo
    infos.add(info(20))
    assert seconds_of_ten(infos, 21) < PAIR_SECONDS  # one for all images
    infos.add(info(30))  # a pair, then no more
    assert seconds_of_ten(infos, 31) < 3 * PAIR_SECONDS


def test_what_always_comes_too_late_is_not_waited_for_again_and_again():
    infos = InfoHistory()
    infos.add(info(1))
    infos.of(header_at(1))  # the only one in time
    waited = 0.0
    for stamp in range(2, 12):
        waited += seconds_of(lambda stamp=stamp: infos.of(header_at(stamp)))
        time.sleep(1.5 * PAIR_SECONDS)
        infos.add(info(stamp))
    assert waited < 3 * PAIR_SECONDS


@pytest.mark.usefixtures("patience")
def test_a_region_that_moves_moves_with_its_picture(ros, tiny_model):
    """Like most drivers do it: the image first, then its CameraInfo."""
    topics = {"image": "/moved/image", "info": "/moved/camera_info", "node": "/moved/moa_depth"}
    parameters = {"model": str(tiny_model), "device": "cpu"}
    with (
        spinning_node(DepthEstimator, "/moved", parameters),
        Robot(listen=["camera_info"], **topics) as robot,
    ):
        for left in (0, 10, 20, 30, 40):
            for _ in range(3):
                header = robot.header()
                msg = camera_info_message(header, CAMERA)
                msg.width = 2 * CAMERA.width
                msg.roi.x_offset, msg.roi.width = left, CAMERA.width
                msg.roi.height = CAMERA.height
                stamp = robot.send(picture_message(header, colourful(), "rgb8"))
                robot.infos.publish(msg)
                answer = robot.answer("camera_info", stamp)
                assert answer.k[2] == pytest.approx(CAMERA.cx - left)


def test_a_picture_that_waited_long_has_its_own_still():
    infos = InfoHistory()
    for stamp in range(1, RECENT + 1):
        infos.add(info(stamp, width=stamp))
    assert RECENT >= 30  # one second of a camera
    assert infos.of(header_at(1)).width == 1
