"""What one picture goes through, from its message to the messages made of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from moa_depth_ros.camera import Intrinsics
from moa_depth_ros.estimator import DepthEstimate, Picture
from moa_depth_ros.estimator_slot import EstimatorSlot
from moa_depth_ros.filters import keep_readings
from moa_depth_ros.ros import messages, parameters
from moa_depth_ros.ros.camera_info import CameraInfoError, intrinsics_for
from moa_depth_ros.ros.diagnostics import Laps, Statistics
from moa_depth_ros.ros.inputs import Inputs
from moa_depth_ros.ros.latest_frame import LatestFrameWorker
from moa_depth_ros.ros.lens import FocalScale
from moa_depth_ros.ros.outputs import Outputs
from moa_depth_ros.ros.rectify import Rectifier, distortion_warning
from moa_depth_ros.smoothing import DepthSmoother

REPEAT_SECONDS = 2.0  # the same complaint at most this often


@dataclass(frozen=True)
class _Frame:
    header: Header
    read: Callable[[], tuple[np.ndarray, str]]  # the picture and the order of its channels
    received: float  # seconds of time.perf_counter


class Pipeline:
    """Takes pictures as they come, works on the newest in a thread of its own, publishes.

    Args:
        node: for its parameters, its clock and its logger.
        estimators: holds the estimator, which may be replaced between two pictures.
        inputs: for the topics' names in complaints.
        outputs: where results go.
        statistics: where pictures are counted.
    """

    def __init__(
        self,
        node: Node,
        estimators: EstimatorSlot,
        inputs: Inputs,
        outputs: Outputs,
        statistics: Statistics,
    ) -> None:
        self._node = node
        self._estimators = estimators
        self._inputs = inputs
        self._outputs = outputs
        self._statistics = statistics
        self._camera_info: CameraInfo | None = None
        self._focal_scale = self._new_focal_scale()
        self._rectifier = Rectifier() if self._parameter("rectify") else None
        self._smoother = DepthSmoother()
        self._warned_of_distortion = False
        self._worker = LatestFrameWorker(self._work, self._on_failure, "estimator")

    @property
    def focal_ratio(self) -> float:
        """What depth is multiplied by at present, for the camera's lens."""
        return self._focal_scale.ratio

    def stop(self, timeout: float = 5.0) -> bool:
        """Drop what waits, let the running picture end. False if it still runs after the timeout,
        in seconds."""
        return self._worker.stop(timeout)

    def on_camera_info(self, msg: CameraInfo) -> None:
        """Keep the newest; warn of a lens that distorts."""
        self._statistics.count("camera_info")
        self._camera_info = msg
        if self._rectifier or self._warned_of_distortion:
            return
        if warning := distortion_warning(msg, self._inputs.base_topic):
            self._warned_of_distortion = True
            self._node.get_logger().warning(warning)

    def on_picture(self, msg: Image | CompressedImage) -> None:
        """Check the picture and hand it to the worker, if anybody listens."""
        received = time.perf_counter()
        self._statistics.count("in")
        if not self._outputs.anybody_listens():
            self._statistics.count("unheard")
            return
        try:
            frame = _Frame(msg.header, messages.reader(msg), received)
        except messages.PictureError as error:
            self._refuse(f"{self._inputs.image_topic}: {error}")
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
            self._refuse(f"{self._inputs.image_topic}: {error}")
            return
        except CameraInfoError as error:
            self._refuse(f"{self._inputs.info_topic}: {error} Nothing goes out: rectify needs it.")
            return
        laps.end("reading")
        info, intrinsics = self._camera_of(picture, info)
        with self._estimators.held():
            laps.end("waiting")  # where a new model warmed up meanwhile
            estimate = self._estimate(picture, channels, intrinsics)
            self._smooth(frame.header, estimate, intrinsics)
            limits = parameters.depth_limits(self._node)
            estimate.depth = keep_readings(estimate.depth, estimate.uncertainty, limits, unseen)
            messages.wait_for(estimate.depth)
            laps.end("network")
            self._publish(frame.header, estimate, info, intrinsics, laps)
        self._statistics.count("out")
        self._statistics.took(laps.seconds, self._age(frame.header))

    def _publish(
        self,
        header: Header,
        estimate: DepthEstimate,
        info: CameraInfo | None,
        intrinsics: Intrinsics | None,
        laps: Laps,
    ) -> None:
        encoding = self._parameter("depth_encoding")
        self._outputs.publish_pictures(header, estimate, encoding, info)
        laps.end("publishing")
        if intrinsics is not None and self._outputs.cloud_is_heard():
            options = parameters.cloud_options(self._node)
            cloud = messages.cloud_message(
                header, estimate.depth, estimate.colour, intrinsics, options
            )
            laps.end("cloud")
            self._outputs.publish_cloud(cloud)
            laps.end("publishing")

    def _read(self, frame: _Frame) -> tuple[np.ndarray, str, CameraInfo | None, np.ndarray | None]:
        """The picture, rectified if asked, the order of its channels, its CameraInfo, and where
        the camera saw nothing."""
        picture, channels = frame.read()
        if self._rectifier is None:
            return picture, channels, self._camera_info, None
        rectified = self._rectifier.rectify(picture, self._camera_info)
        return rectified.picture, channels, rectified.info, rectified.unseen

    def _estimate(
        self, picture: np.ndarray, channels: str, intrinsics: Intrinsics | None
    ) -> DepthEstimate:
        """What the network sees, scaled to the lens."""
        if self._focal_scale.training_camera != self._estimators.current.training_camera:
            self._focal_scale = self._new_focal_scale()
        camera = self._focal_scale.camera_for(intrinsics, self._parameter("scale_by_focal_length"))
        whole = Picture(picture, channels, camera)
        return self._estimators.estimate_batch([whole], self._parameter("fallback_to_cpu"))[0]

    def _smooth(
        self, header: Header, estimate: DepthEstimate, intrinsics: Intrinsics | None
    ) -> None:
        # The id is another one for each model: it is loaded while the one before is still there.
        source = (header.frame_id, intrinsics, id(self._estimators.current))
        estimate.depth = self._smoother.smooth(
            estimate.depth,
            self._parameter("smoothing"),
            self._parameter("smoothing_max_change"),
            Time.from_msg(header.stamp).nanoseconds * 1e-9,
            source,
        )

    def _new_focal_scale(self) -> FocalScale:
        return FocalScale(self._estimators.current.training_camera, self._node.get_logger().info)

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
                self._complain(f"{self._inputs.info_topic}: {error} Depth goes out, no cloud.")
            return None, None
        return info, intrinsics

    def _on_failure(self, error: Exception) -> None:
        self._statistics.count("failed")
        self._statistics.error(f"{type(error).__name__}: {error}")
        self._node.get_logger().error(
            f"A picture failed: {type(error).__name__}: {error}",
            throttle_duration_sec=REPEAT_SECONDS,
        )

    def _refuse(self, text: str) -> None:
        self._statistics.count("refused")
        self._complain(text)

    def _complain(self, text: str) -> None:
        self._statistics.error(text)
        self._node.get_logger().warning(text, throttle_duration_sec=REPEAT_SECONDS)

    def _age(self, header: Header) -> float:
        """Seconds since the picture's stamp, by the node's clock (simulated time included)."""
        return (self._node.get_clock().now() - Time.from_msg(header.stamp)).nanoseconds * 1e-9

    def _parameter(self, name: str):
        return self._node.get_parameter(name).value
