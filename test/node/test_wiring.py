"""How topics, their quality of service, stamps and clocks reach the node."""

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from demo.messages import picture_message
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.inputs import Inputs
from moa_depth_ros.ros.outputs import Outputs
from test.node.harness import CAMERA, NodeProcess, Robot, colourful, wait_until

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
MISSPELT = "qos_overrides./odd/image_.subscription.depth"
TOPICS = {"image": "/odd/image", "info": "/odd/nothing", "node": "/odd/moa_depth"}


@pytest.fixture(scope="module")
def wired(ros, tiny_model):
    """A node whose camera published its CameraInfo once, beforehand, and whose time stands still.

    With the Robot around it, and its process.
    """
    camera = ros.create_node("once")
    publisher = camera.create_publisher(CameraInfo, "/odd/camera_info", LATCHED)
    robot = Robot(**TOPICS)
    publisher.publish(camera_info_message(robot.header(), CAMERA))
    latched = "qos_overrides./odd/camera_info.subscription"
    parameters = {
        f"{latched}.durability": "transient_local",
        f"{latched}.reliability": "reliable",
        MISSPELT: 3,
        "use_sim_time": "true",
    }
    options = [word for name in parameters for word in ("-p", f"{name}:={parameters[name]}")]
    try:
        with NodeProcess(
            tiny_model, "-r", "image:=/odd/image", "-r", "__ns:=/odd", *options
        ) as process:
            robot.until(robot.pictures.get_subscription_count, "the node's subscription")
            yield robot, process
    finally:
        robot.__exit__()
        camera.destroy_node()


def test_a_camera_info_that_is_published_once_is_heard_where_the_node_asks_for_it(wired):
    robot, _ = wired
    robot.answer("points", robot.send(colourful()))


def test_why_no_camera_info_came_is_told(ros):
    node = ros.create_node("waiting", cli_args=["--ros-args", "-r", "image:=/latched/image"])
    node.declare_parameter("image_transport", "raw")
    try:
        inputs = Inputs(node, "", node.default_callback_group)
        assert inputs.why_no_camera_info().endswith("yet: nobody publishes it.")
        node.create_publisher(CameraInfo, "/latched/camera_info", LATCHED)
        told = lambda: "qos_overrides" in inputs.why_no_camera_info()  # noqa: E731
        wait_until(told, "the publisher")
        assert "it is latched" in inputs.why_no_camera_info()
    finally:
        node.destroy_node()


def test_an_override_of_no_topic_is_warned_of(wired):
    _, process = wired
    assert f"Ignored QoS overrides that match no topic: {MISSPELT}." in process.log()


def test_a_stamp_may_be_anything(wired):
    robot, _ = wired
    for seconds in (-1, 0, 2**31 - 1):
        picture = picture_message(robot.header(), colourful(), "rgb8")
        picture.header.stamp.sec = seconds
        answer = robot.answer("points", robot.send(picture))
        assert answer.header.stamp.sec == seconds


def test_reports_come_while_simulated_time_does_not(wired):
    robot, _ = wired
    robot.statuses.clear()
    robot.until(lambda: len(robot.statuses) > 1, "reports")


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


def test_outputs_that_could_not_all_be_made_leave_nothing_behind(ros):
    override = "qos_overrides./outputs/points.publisher.reliability:=best-effort"
    node = ros.create_node("outputs", cli_args=["--ros-args", "-p", override])
    try:
        with pytest.raises(Exception, match="best-effort"):
            Outputs(node, "")
        assert node.count_publishers("/outputs/depth") == 0
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ("rules", "transport", "topics"),
    [
        ([], "raw", ("/image", "/camera_info")),
        (["image:=/cam/raw"], "raw", ("/cam/raw", "/cam/camera_info")),
        (["image:=/cam/raw/compressed"], "raw", ("/cam/raw", "/cam/camera_info")),
        (["image:=/cam/raw"], "compressed", ("/cam/raw/compressed", "/cam/camera_info")),
        (["image/compressed:=/jpeg"], "compressed", ("/jpeg", "/camera_info")),
        (["image:=/cam/raw", "camera_info:=/info"], "raw", ("/cam/raw", "/info")),
        # as in depth.launch.py
        (
            ["image:=/cam/raw", "camera_info:=/camera_info", "/cam/camera_info:=/camera_info"],
            "raw",
            ("/cam/raw", "/camera_info"),
        ),
        # swapped cameras
        (["image:=/right", "/right:=/image"], "raw", ("/right", "/camera_info")),
    ],
)
def test_the_topics_that_are_told_are_those_subscribed_to(ros, rules, transport, topics):
    remaps = [word for rule in rules for word in ("-r", rule)]
    node = ros.create_node("wires", cli_args=["--ros-args", *remaps], use_global_arguments=False)
    try:
        node.declare_parameter("image_transport", transport)
        inputs = Inputs(node, "", node.default_callback_group)
        assert (inputs.image_topic, inputs.info_topic) == topics
        inputs.subscribe(unheard, unheard)
        assert dict(subscriptions(node)) == {"Image": topics[0], "CameraInfo": topics[1]}
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ("kind", "topic", "transport", "says"),
    [
        (None, "", "raw", "/quiet/image (sensor_msgs/Image) has no publisher; 'ros2 topic list'"),
        (CompressedImage, "image", "raw", "/quiet/image (sensor_msgs/Image) has a publisher, but"),
        (
            CompressedImage,
            "image/compressed",
            "raw",
            "/quiet/image (sensor_msgs/Image) has no publisher, but /quiet/image/compressed has "
            "one: set image_transport to compressed.",
        ),
        (
            Image,
            "image",
            "compressed",
            "/quiet/image/compressed (sensor_msgs/CompressedImage) has no publisher, but "
            "/quiet/image has one: set image_transport to raw.",
        ),
    ],
)
def test_why_no_picture_comes(ros, kind, topic, transport, says):
    node = ros.create_node("quiet", namespace="quiet")
    try:
        node.declare_parameter("image_transport", transport)
        inputs = Inputs(node, "", node.default_callback_group)
        if kind is not None:
            node.create_publisher(kind, topic, 1)
        wait_until(lambda: inputs.why_silent().startswith(says), says)
    finally:
        node.destroy_node()


def unheard(msg):
    """Nothing is published here."""


def subscriptions(node):
    """The kinds of image and CameraInfo that a node subscribes to, and their topics."""
    kinds = {Image: "Image", CompressedImage: "Image", CameraInfo: "CameraInfo"}
    for subscription in node.subscriptions:
        if subscription.msg_type in kinds:
            yield kinds[subscription.msg_type], subscription.topic_name


def test_compressed_depth_is_below_the_depth_wherever_that_is(ros, tiny_model):
    """Where image_transport's subscribers look for it."""
    observer = ros.create_node("observer")
    rules = ["-r", "image:=/odd/image", "-r", "~/depth:=/odd/eye/depth"]
    try:
        with NodeProcess(tiny_model, "-r", "__ns:=/eye", *rules):
            topics = ("/odd/eye/depth", "/odd/eye/depth/compressedDepth", "/eye/moa_depth/points")
            wait_until(lambda: all(map(observer.count_publishers, topics)), "the outputs")
            assert not observer.count_publishers("/eye/moa_depth/depth/compressedDepth")
    finally:
        observer.destroy_node()
