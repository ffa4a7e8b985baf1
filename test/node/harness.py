"""The basis of the node's tests: the node in a process of its own, and the robot around it."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from demo.messages import picture_message
from demo.processes import end, start
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.messages import fill_cloud

CAMERA = Intrinsics(96, 64, 80.0, 81.0, 47.5, 30.5)
OUTPUTS = {"depth": Image, "points": PointCloud2, "camera_info": CameraInfo, "uncertainty": Image}
COMPRESSED = "depth/compressedDepth"
PATIENCE = 20.0  # seconds; only failing tests wait this long
RESEND_SECONDS = 5.0


def wait_until(condition, what: str, step=lambda: time.sleep(0.02), seconds: float = PATIENCE):
    """Take steps until the condition holds, and return its value."""
    limit = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < limit, f"waited {seconds:.0f} s in vain for {what}"
        step()
    return value


class NodeProcess:
    """``python -m moa_depth_ros.node`` with ROS arguments; its output goes to a file. As a context
    manager, it waits until the node is active."""

    def __init__(self, model: Path | str, *ros_arguments: str) -> None:
        self._output = tempfile.NamedTemporaryFile(suffix=".log")  # noqa: SIM115
        arguments = ["--ros-args", "-p", f"model:={model}", *ros_arguments]
        self.process = start(
            "moa_depth_ros.node", *arguments, stdout=self._output, stderr=subprocess.STDOUT
        )

    def __enter__(self):
        def started():
            assert self.process.poll() is None, self.log()
            return "images from" in self.log()

        try:
            wait_until(started, "the node to start", seconds=100)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end(self.process, seconds=PATIENCE)
        self._output.close()

    def log(self) -> str:
        return Path(self._output.name).read_text()

    def end(self, *signals: signal.Signals) -> tuple[int, float]:
        """Send the signals one right after the other; returns the exit status and the seconds."""
        begin = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.02)
        return self.process.wait(PATIENCE), time.monotonic() - begin


class Robot:
    """Publishes images and CameraInfo like a driver, and receives what the node answers.

    Args:
        image, info: the topics of images and CameraInfo.
        listen: the outputs to subscribe to, possibly including COMPRESSED.
        node: the node's full name.
        kind: of the image messages.
    """

    def __init__(
        self,
        image="/camera/image_raw",
        info="/camera/camera_info",
        listen=tuple(OUTPUTS),
        node="/moa_depth",
        kind=Image,
    ):
        self.node = rclpy.create_node("robot")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        qos = QoSProfile(depth=10)
        self.pictures = self.node.create_publisher(kind, image, qos)
        self.infos = self.node.create_publisher(CameraInfo, info, qos)
        self.heard = {name: {} for name in (*OUTPUTS, COMPRESSED)}
        self.statuses = []
        self._node_name = node
        self._status_name = f"{node.lstrip('/')}: "
        self._subscriptions = [self._subscribe(f"{node}/{name}", name, qos) for name in listen]
        self._subscriptions.append(
            self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, qos)
        )
        self._stamp = time.time_ns()
        self._info = None
        self._sent = None

    def _subscribe(self, topic, name, qos):
        def keep(msg):
            self.heard[name][_nanoseconds(msg.header)] = msg

        kind = OUTPUTS.get(name, CompressedImage)
        return self.node.create_subscription(kind, topic, keep, qos)

    def _on_status(self, msg):
        self.statuses += [s for s in msg.status if s.name.startswith(self._status_name)]

    def __enter__(self):
        self.connect()
        return self

    def connect(self):
        """Wait until each publisher and subscription here is connected to the node."""
        self.until(self._connected, "the node's connections")
        time.sleep(0.3)  # the node may learn of them a moment later

    def __exit__(self, *_):
        self._executor.shutdown()
        self.node.destroy_node()

    def _connected(self):
        publishers = (self.pictures, self.infos)
        return all(p.get_subscription_count() for p in publishers) and all(
            self.node.count_publishers(s.topic_name) for s in self._subscriptions
        )

    def until(self, condition, what, seconds=PATIENCE):
        """Spin until the condition holds, and return its value."""
        return wait_until(condition, what, lambda: self._executor.spin_once(0.05), seconds)

    def spin(self, seconds):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self._executor.spin_once(0.02)

    def header(self, frame="lens_optical_frame") -> Header:
        """A header with a stamp that no other image has."""
        self._stamp = max(self._stamp + 1, time.time_ns())
        return header_at(self._stamp, frame)

    def send_info(self, camera=CAMERA, info=None):
        """Publish a CameraInfo and give it time to be received before the next image."""
        self._info = info or camera_info_message(self.header(), camera)
        self.infos.publish(self._info)
        self.spin(0.2)

    def send(self, picture, encoding="rgb8") -> int:
        """Publish an image, an array or a message; returns its stamp in nanoseconds."""
        if isinstance(picture, np.ndarray):
            picture = picture_message(self.header(), picture, encoding)
        self.statuses.clear()
        self.pictures.publish(picture)
        self._sent = picture
        return _nanoseconds(picture.header)

    def answer(self, output: str, stamp: int):
        """The node's message on an output for the image with this stamp.

        The node receives images and CameraInfo by best effort: on a machine too busy to have
        finished discovery, they may be lost, and are sent again."""

        def heard():
            nonlocal resend
            if time.monotonic() > resend and stamp == _nanoseconds(self._sent.header):
                resend += RESEND_SECONDS
                self._send_again()
            return self.heard[output].get(stamp)

        resend = time.monotonic() + RESEND_SECONDS
        return self.until(heard, f"{output} of image {stamp}")

    def _send_again(self):
        if self._info is not None:
            self.infos.publish(self._info)
            self.spin(0.2)
        self.pictures.publish(self._sent)

    def set_parameter(self, name, value) -> SetParametersResult:
        """Set a parameter of the node, like `ros2 param set`."""
        client = self.node.create_client(SetParameters, f"{self._node_name}/set_parameters")
        try:
            assert client.wait_for_service(PATIENCE)
            parameter = Parameter(name, value=value).to_parameter_msg()
            future = client.call_async(SetParameters.Request(parameters=[parameter]))
            self.until(future.done, "the parameter service", seconds=60)
            return future.result().results[0]
        finally:
            self.node.destroy_client(client)

    def status(self) -> tuple[list[tuple[bytes, str]], dict[str, str]]:
        """Levels and messages of the reports since the last image was sent, up to one that is sure
        to include it; and the values of that one."""
        self.spin(0.3)  # for the node to see what was sent
        seen = len(self.statuses)
        self.until(lambda: len(self.statuses) > seen, "a diagnostics report")
        values = {pair.key: pair.value for pair in self.statuses[-1].values}
        return [(status.level, status.message) for status in self.statuses], values


class Manager:
    """Calls the node's services, like `ros2 lifecycle` and `ros2 param`."""

    def __init__(self, robot, node):
        self._robot = robot
        self._clients = {}
        for kind, name in ((ChangeState, "change_state"), (GetState, "get_state")):
            self._clients[kind] = robot.node.create_client(kind, f"{node}/{name}")
            assert self._clients[kind].wait_for_service(60)

    def change(self, transition: int) -> bool:
        future = self.begin(transition)
        self._robot.until(future.done, "the transition", seconds=60)
        return future.result().success

    def begin(self, transition: int) -> Future:
        request = ChangeState.Request(transition=Transition(id=transition))
        return self._clients[ChangeState].call_async(request)

    def state(self) -> int:
        future = self._clients[GetState].call_async(GetState.Request())
        self._robot.until(future.done, "the state", seconds=60)
        return future.result().current_state.id

    def set(self, name, value):
        return self._robot.set_parameter(name, value)


def header_at(stamp: int, frame="lens_optical_frame") -> Header:
    """A header with a stamp in nanoseconds."""
    header = Header(frame_id=frame)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
    return header


def cloud_message(*arguments) -> PointCloud2:
    """A new message with the cloud that `fill_cloud` makes from the arguments."""
    msg = PointCloud2()
    fill_cloud(msg, *arguments)
    return msg


def _nanoseconds(header: Header) -> int:
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def colourful(width=CAMERA.width, height=CAMERA.height, seed=0) -> np.ndarray:
    """An image (H, W, 3) uint8 with large patches of strong colours."""
    patches = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return np.ascontiguousarray(patches[rows][:, columns])
