"""The node: topics, worker, estimator and outputs wired together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from moa_depth_ros.camera import Intrinsics
from moa_depth_ros.estimator import DepthEstimate, DepthEstimator
from moa_depth_ros.filters import keep_readings
from moa_depth_ros.ros import messages, parameters
from moa_depth_ros.ros.camera_info import CameraInfoError, intrinsics_for
from moa_depth_ros.ros.diagnostics import Laps, Statistics, diagnostic_array
from moa_depth_ros.ros.latest_frame import LatestFrameWorker
from moa_depth_ros.ros.lens import FocalScale
from moa_depth_ros.ros.outputs import Outputs
from moa_depth_ros.ros.rectify import Rectifier, distortion_warning

# Only the newest picture is of use, and best effort hears reliable cameras too.
INPUT_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
REPEAT_SECONDS = 2.0  # the same complaint at most this often


@dataclass(frozen=True)
class _Frame:
    header: Header
    read: Callable[[], tuple[np.ndarray, str]]  # the picture and the order of its channels
    received: float  # seconds of time.perf_counter


class DepthNode(Node):
    """Depth of the newest picture, for whoever subscribes.

    Subscribes to ``image`` and to the ``camera_info`` beside it (both can be remapped); publishes
    ``~/depth``, ``~/points``, ``~/camera_info``, ``~/uncertainty`` and ``/diagnostics``.

    Raises:
        ModelFolderError, ParameterError, RuntimeError, ValueError: why it can't start.
    """

    def __init__(self) -> None:
        super().__init__("moa_depth", automatically_declare_parameters_from_overrides=True)
        parameters.declare(self)
        self._estimator = DepthEstimator(
            parameters.model_folder(self),
            self.get_parameter("device").value,
            self.get_parameter("precision").value,
        )
        self._estimator.warm_up()
        self._statistics = Statistics()
        self._camera_info: CameraInfo | None = None
        self._focal_scale = FocalScale(self._estimator.training_camera, self.get_logger().info)
        self._outputs = Outputs(self)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 1)
        self._worker = LatestFrameWorker(self._work, self._on_failure, "estimator")
        self._rectifier = Rectifier() if self.get_parameter("rectify").value else None
        self._warned_of_distortion = False
        self._input(CameraInfo, self._info_topic, self._on_camera_info)
        compressed = self.get_parameter("image_transport").value == "compressed"
        self._image_topic = self._base_topic + ("/compressed" if compressed else "")
        kind = CompressedImage if compressed else Image
        self._input(kind, self._image_topic, self._on_picture)
        self.create_timer(1.0, self._report)
        self.get_logger().info(
            f"Model {self._estimator.model} on {self._estimator.device}; pictures from "
            f"{self._image_topic}, camera_info from {self._info_topic}."
        )

    def close(self) -> None:
        """Let the running picture end, then leave the graph."""
        self._worker.stop()
        self.destroy_node()

    def _input(self, kind: type, topic: str, callback) -> None:
        options = QoSOverridingOptions.with_default_policies()
        self.create_subscription(kind, topic, callback, INPUT_QOS, qos_overriding_options=options)

    @cached_property
    def _base_topic(self) -> str:
        """The picture topic without its transport's suffix, whether the user gave that or not."""
        return self.resolve_topic_name("image").removesuffix("/compressed")

    @cached_property
    def _info_topic(self) -> str:
        """Where ``camera_info`` was remapped to, else the sibling of the image topic, as
        image_transport has it."""
        remapped = self.resolve_topic_name("camera_info")
        if remapped != self.resolve_topic_name("camera_info", only_expand=True):
            return remapped
        return self._base_topic.rpartition("/")[0] + "/camera_info"

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._camera_info = msg
        if self._rectifier or self._warned_of_distortion:
            return
        if warning := distortion_warning(msg, self._base_topic):
            self._warned_of_distortion = True
            self.get_logger().warning(warning)

    def _on_picture(self, msg: Image | CompressedImage) -> None:
        received = time.perf_counter()
        self._statistics.count("in")
        if not self._outputs.anybody_listens():
            self._statistics.count("unheard")
            return
        try:
            frame = _Frame(msg.header, messages.reader(msg), received)
        except messages.PictureError as error:
            self._refuse(f"{self._image_topic}: {error}")
            return
        if self._worker.submit(frame):
            self._statistics.count("dropped")

    def _work(self, frame: _Frame) -> None:
        """In the worker's thread: everything that one picture takes."""
        laps = Laps(frame.received)
        laps.end("waiting")
        try:
            picture, channels, info, unseen = self._read(frame)
        except messages.PictureError as error:
            self._refuse(f"{self._image_topic}: {error}")
            return
        except CameraInfoError as error:
            self._refuse(f"{self._info_topic}: {error} Nothing goes out: rectify needs it.")
            return
        laps.end("reading")
        info, intrinsics = self._camera_of(picture, info)
        estimate = self._estimate(picture, channels, intrinsics, unseen)
        laps.end("network")
        encoding = self.get_parameter("depth_encoding").value
        self._outputs.publish_pictures(frame.header, estimate, encoding, info)
        laps.end("publishing")
        if intrinsics is not None and self._outputs.cloud_is_heard():
            options = parameters.cloud_options(self)
            cloud = messages.cloud_message(
                frame.header, estimate.depth, estimate.colour, intrinsics, options
            )
            laps.end("cloud")
            self._outputs.publish_cloud(cloud)
            laps.end("publishing")
        self._statistics.count("out")
        self._statistics.took(laps.seconds, self._age(frame.header))

    def _read(self, frame: _Frame) -> tuple[np.ndarray, str, CameraInfo | None, np.ndarray | None]:
        """The picture, rectified if asked, the order of its channels, its CameraInfo, and where
        the camera saw nothing."""
        picture, channels = frame.read()
        if self._rectifier is None:
            return picture, channels, self._camera_info, None
        rectified = self._rectifier.rectify(picture, self._camera_info)
        return rectified.picture, channels, rectified.info, rectified.unseen

    def _estimate(
        self,
        picture: np.ndarray,
        channels: str,
        intrinsics: Intrinsics | None,
        unseen: np.ndarray | None,
    ) -> DepthEstimate:
        """What the network sees, scaled to the lens, without what the limits drop."""
        wanted = self.get_parameter("scale_by_focal_length").value
        camera = self._focal_scale.camera_for(intrinsics, wanted)
        estimate = self._estimator.estimate(picture, channels, camera)
        limits = parameters.depth_limits(self)
        estimate.depth = keep_readings(estimate.depth, estimate.uncertainty, limits, unseen)
        messages.wait_for(estimate.depth)
        return estimate

    def _camera_of(
        self, picture: np.ndarray, info: CameraInfo | None
    ) -> tuple[CameraInfo, Intrinsics] | tuple[None, None]:
        """The CameraInfo to use and a picture's intrinsics; or neither, with a complaint if an
        output misses them."""
        try:
            if info is None:
                raise CameraInfoError("no CameraInfo came yet.")
            intrinsics = intrinsics_for(info, picture.shape[1], picture.shape[0])
        except CameraInfoError as error:
            if self._outputs.need_camera_info():
                self._complain(f"{self._info_topic}: {error} Depth goes out, no cloud.")
            return None, None
        return info, intrinsics

    def _on_failure(self, error: Exception) -> None:
        self._statistics.count("failed")
        self._statistics.error(f"{type(error).__name__}: {error}")
        self.get_logger().error(
            f"A picture failed: {type(error).__name__}: {error}",
            throttle_duration_sec=REPEAT_SECONDS,
        )

    def _refuse(self, text: str) -> None:
        self._statistics.count("refused")
        self._complain(text)

    def _complain(self, text: str) -> None:
        self._statistics.error(text)
        self.get_logger().warning(text, throttle_duration_sec=REPEAT_SECONDS)

    def _age(self, header: Header) -> float:
        """Seconds since the picture's stamp, by the node's clock (simulated time included)."""
        return (self.get_clock().now() - Time.from_msg(header.stamp)).nanoseconds * 1e-9

    def _report(self) -> None:
        estimator = self._estimator
        facts = {
            "model": str(estimator.model),
            "device": str(estimator.device),
            "precision": self.get_parameter("precision").value,
            "focal length scale": f"{self._focal_scale.ratio:.3f}",
        }
        # With the namespace, so that the nodes of several cameras can be told apart.
        name = self.get_fully_qualified_name().lstrip("/")
        status = self._statistics.status(f"{name}: depth estimation", facts)
        status.hardware_id = str(estimator.device)
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostic_array(stamp, status))
