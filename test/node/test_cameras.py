"""Several cameras in one process that share the network."""

import dataclasses
import threading

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition

from demo.messages import picture_message, read_depth
from moa_depth_ros.estimator import DepthEstimator
from moa_depth_ros.intrinsics import Intrinsics
from test.node.harness import CAMERA, OUTPUTS, Manager, NodeProcess, Robot, colourful, wait_until
from test.node.spinning import spinning_node

SAME = 1e-4  # metres
WIDE = Intrinsics(60, 80, 45.0, 45.0, 30.0, 40.0)
FRONT = {"image": "/front/color/image_raw", "info": "/front/color/camera_info"}
REAR = {"image": "/rear/image", "info": "/rear/camera_info"}


@pytest.fixture(scope="module")
def estimator(tiny_model):
    return DepthEstimator(tiny_model, "cpu")


@pytest.fixture(scope="module")
def process(ros, tiny_model):
    given = ["-p", "cameras:=[front, rear]", "-r", f"front/image:={FRONT['image']}"]
    with NodeProcess(tiny_model, *given) as process:
        yield process
        assert "Traceback" not in process.log()


@pytest.fixture
def front(process):
    with Robot(**FRONT, node="/moa_depth/front") as robot:
        yield robot


def depth(robot, stamp):
    return read_depth(robot.answer("depth", stamp))


def test_each_camera_has_its_own_depth_header_and_size(front, estimator):
    with Robot(**REAR, node="/moa_depth/rear") as rear:
        pairs = [(front, CAMERA, "front_lens"), (rear, WIDE, "rear_lens")]
        pictures = [colourful(camera.width, camera.height) for _, camera, _ in pairs]
        for robot, camera, _ in pairs:
            robot.send_info(camera)
        stamps = [
            robot.send(picture_message(robot.header(frame), picture, "rgb8"))
            for (robot, _, frame), picture in zip(pairs, pictures, strict=True)
        ]
        for (robot, camera, frame), picture, stamp in zip(pairs, pictures, stamps, strict=True):
            for name in OUTPUTS:
                msg = robot.answer(name, stamp)
                assert msg.header.frame_id == frame, name
                assert (msg.width, msg.height) == (camera.width, camera.height), name
            assert robot.heard["camera_info"][stamp].k[0] == camera.fx
            expected = estimator.estimate(picture, intrinsics=camera).depth
            np.testing.assert_allclose(depth(robot, stamp), expected, atol=SAME)
            ratio = camera.focal_ratio(estimator.training_camera)
            assert robot.status()[1]["focal length scale"] == f"{ratio:.3f}"


def test_a_silent_camera_holds_nobody_and_is_told(front, process):
    rear = Robot(**REAR, node="/moa_depth/rear", listen=[])
    with rear:
        before = rear.status()[1]
        front.send_info()
        for seed in range(3):
            front.answer("points", front.send(colourful(seed=seed)))
        reports, _ = front.status()
        assert (b"\0", "Running.") in reports
        reports, after = rear.status()
        assert (b"\1", "No images arrive.") in reports
        assert after["frames in"] == before["frames in"]
        # "has a publisher", or "has no publisher" where the robot was found later than that.
        said = f"[moa_depth.rear]: No images arrive: {REAR['image']} (sensor_msgs/Image) has "
        front.until(lambda: said in process.log(), "the line about the silent camera")

        rear.send(colourful())
        reports, after = rear.status()
        assert (b"\0", "Images arrive, but no output has a subscriber.") in reports
        assert after["frames out"] == before["frames out"]


class Gated(DepthEstimator):
    """Waits at a gate before each run, and records how many images each has.

    Attributes:
        error: what a run raises, if set.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.begun = []
        self.error = None
        self.gate = threading.Event()
        self.gate.set()

    def estimate_batch(self, pictures):
        self.begun.append(len(pictures))
        assert self.gate.wait(60)
        if self.error:
            raise self.error
        return super().estimate_batch(pictures)


@pytest.fixture
def gated(ros, tiny_model):
    """The estimator of a node in /both with the cameras front and rear."""
    made = []

    def make(*arguments):
        made.append(Gated(*arguments))
        return made[0]

    parameters = {"model": str(tiny_model), "device": "cpu", "cameras": ["front", "rear"]}
    with spinning_node(make, "/both", parameters):
        yield made[0]
        made[0].gate.set()


def both_robots():
    return [
        Robot(f"/both/{name}/image", f"/both/{name}/camera_info", node=f"/both/moa_depth/{name}")
        for name in ("front", "rear")
    ]


def wait_for_arrival(robot, pictures):
    robot.until(lambda: robot.status()[1]["frames in"] == str(pictures), "the pictures' arrival")


def send_and_hold(robot, gated, picture):
    """Send an image whose run is held at the gate, so that what comes next waits for it."""
    gated.begun.clear()
    gated.gate.clear()
    stamp = robot.send(picture)
    wait_until(lambda: gated.begun, "the run to begin")
    return stamp


def test_pictures_that_wait_together_run_together(gated, estimator):
    tele = dataclasses.replace(CAMERA, fx=2 * CAMERA.fx, fy=2 * CAMERA.fy)
    pictures = [colourful(seed=seed) for seed in range(4)]
    front, rear = both_robots()
    with front, rear:
        front.send_info(CAMERA)
        rear.send_info(tele)
        first = send_and_hold(front, gated, pictures[0])
        beside = rear.send(pictures[1])
        lost = front.send(pictures[2])
        wait_for_arrival(front, 2)
        newest = front.send(pictures[3])
        wait_for_arrival(front, 3)
        wait_for_arrival(rear, 1)
        gated.gate.set()

        answers = [
            (depth(front, first), pictures[0], CAMERA),
            (depth(rear, beside), pictures[1], tele),
            (depth(front, newest), pictures[3], CAMERA),
        ]
        for found, picture, camera in answers:
            expected = estimator.estimate(picture, intrinsics=camera).depth
            np.testing.assert_allclose(found, expected, atol=SAME)
        assert gated.begun == [1, 2]
        assert lost not in front.heard["depth"]
        for robot, out, dropped, together in ((front, 2, 1, "1.50"), (rear, 1, 0, "2.00")):
            values = robot.status()[1]
            assert values["frames out"] == str(out)
            assert values["frames dropped"] == str(dropped)
            assert values["pictures a run"] == together


def test_sizes_that_differ_run_one_after_the_other_and_nobody_is_left_out(gated):
    front, rear = both_robots()
    with front, rear:
        front.send_info()
        send_and_hold(front, gated, colourful())
        slow = rear.send(colourful(64, 48))
        front.send(colourful(seed=1))
        wait_for_arrival(front, 2)
        newest = front.send(colourful(seed=2))
        wait_for_arrival(front, 3)
        wait_for_arrival(rear, 1)
        gated.gate.set()
        rear.answer("depth", slow)
        front.answer("depth", newest)
        assert gated.begun == [1, 1, 1]


def test_a_run_that_fails_is_each_cameras_failure_and_the_next_one_goes_on(gated):
    front, rear = both_robots()
    with front, rear:
        send_and_hold(front, gated, colourful())
        for robot, pictures in ((front, 2), (rear, 1)):
            robot.send_info()
            robot.send(colourful())
            wait_for_arrival(robot, pictures)
        gated.error = RuntimeError("the device fell off the bus")
        gated.gate.set()
        for robot, pictures in ((front, 2), (rear, 1)):
            robot.until(
                lambda r=robot, n=pictures: r.status()[1]["frames failed"] == str(n), "the failure"
            )
            found = [(status.level, status.message) for status in robot.statuses]
            assert (b"\2", "RuntimeError: the device fell off the bus") in found
        gated.error = None
        for robot in (front, rear):
            robot.answer("points", robot.send(colourful()))


def test_pictures_of_a_node_that_was_cleaned_up_meanwhile_are_dropped(gated):
    """Two sizes wait together; the first one is processed for longer than deactivating waits."""
    front, rear = both_robots()
    with front, rear:
        front.send_info()
        rear.send_info()
        send_and_hold(front, gated, colourful())
        for robot, pictures in ((front, 2), (rear, 1)):
            robot.send(colourful(*((96, 64) if robot is front else (48, 32))))
            wait_for_arrival(robot, pictures)
        first, gated.gate = gated.gate, threading.Event()
        first.set()
        wait_until(lambda: gated.begun == [1, 1], "the first size to begin")
        manager = Manager(front, "/both/moa_depth")
        assert manager.change(Transition.TRANSITION_DEACTIVATE)
        cleanup = manager.begin(Transition.TRANSITION_CLEANUP)
        front.spin(0.5)
        gated.gate.set()
        front.until(cleanup.done, "the cleanup")
        for robot in (front, rear):
            robot.until(lambda r=robot: r.status()[1]["frames dropped"] == "1", "the dropped one")
            assert DiagnosticStatus.ERROR not in {status.level for status in robot.statuses}
        assert gated.begun == [1, 1]
