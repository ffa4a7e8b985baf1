"""How topics, their quality of service, stamps and clocks reach the node."""

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo

from demo.messages import camera_info_message, picture_message
from test.node.harness import CAMERA, NodeProcess, Robot, colourful

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_a_camera_info_that_is_published_once_is_heard_where_the_node_asks_for_it(ros, tiny_model):
    override = "qos_overrides./once/camera_info.subscription"
    options = ["-r", "image:=/once/image", "-r", "__ns:=/latched"]
    options += ["-p", f"{override}.durability:=transient_local"]
    options += ["-p", f"{override}.reliability:=reliable"]
    camera = ros.create_node("once")
    publisher = camera.create_publisher(CameraInfo, "/once/camera_info", LATCHED)
    robot = Robot("/once/image", "/once/nothing", node="/latched/moa_depth")
    publisher.publish(camera_info_message(robot.header(), CAMERA))
    try:
        with NodeProcess(tiny_model, *options):
            robot.until(robot.pictures.get_subscription_count, "the node's subscription")
            robot.answer("points", robot.send(colourful()))
    finally:
        robot.__exit__()
        camera.destroy_node()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("/moa_depth/depth.publisher.reliability:=best-effort", "best-effort"),
        ("/camera/image_raw.subscription.depth:=two", "depth"),
    ],
)
def test_an_override_that_means_nothing_ends_the_start_with_its_reason(tiny_model, override, says):
    options = ("-r", "image:=/camera/image_raw", "-p", f"qos_overrides.{override}")
    process = NodeProcess(tiny_model, *options)
    try:
        assert process.process.wait(60) == 1
        (line,) = process.log().strip().splitlines()
        assert says in line
    finally:
        process.__exit__()


def test_an_override_of_no_topic_is_warned_of(ros, tiny_model):
    name = "qos_overrides./camera/image.subscription.depth"
    options = ("-r", "image:=/camera/image_raw", "-r", "__ns:=/misspelt", "-p", f"{name}:=3")
    with NodeProcess(tiny_model, *options) as process:
        assert f"No topic has these, ignored: {name}" in process.log()


def test_a_stamp_may_be_anything(ros, tiny_model):
    options = ("-r", "image:=/odd/image", "-r", "__ns:=/odd_stamps")
    names = {"image": "/odd/image", "info": "/odd/camera_info", "node": "/odd_stamps/moa_depth"}
    with NodeProcess(tiny_model, *options), Robot(**names) as robot:
        robot.send_info()
        for seconds in (-1, 0, 2**31 - 1):
            picture = picture_message(robot.header(), colourful(), "rgb8")
            picture.header.stamp.sec = seconds
            answer = robot.answer("points", robot.send(picture))
            assert answer.header.stamp.sec == seconds


def test_reports_come_while_simulated_time_does_not(ros, tiny_model):
    options = ("-r", "image:=/sim/image", "-r", "__ns:=/simulated", "-p", "use_sim_time:=true")
    names = {"image": "/sim/image", "info": "/sim/camera_info", "node": "/simulated/moa_depth"}
    with NodeProcess(tiny_model, *options), Robot(**names) as robot:
        robot.until(lambda: len(robot.statuses) > 1, "reports")
