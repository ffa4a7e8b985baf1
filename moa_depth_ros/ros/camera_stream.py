"""What happens to one camera's images before and after the network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from moa_depth_ros.depth.filters import DepthLimits, drop_edges, keep_readings
from moa_depth_ros.depth.smoothing import DepthSmoother
from moa_depth_ros.estimator import DepthEstimate, Picture
from moa_depth_ros.estimator.estimator_slot import EstimatorSlot
from moa_depth_ros.estimator.transfer import to_device
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.calibration import (
    CameraInfoError,
    distorts,
    intrinsics_for,
    is_named_rectified,
    shape_warning,
)
from moa_depth_ros.pictures.raw import PictureError
from moa_depth_ros.ros import messages, parameters
from moa_depth_ros.ros.camera import Camera
from moa_depth_ros.ros.camera_info import rectified, unrectified
from moa_depth_ros.ros.diagnostics import Laps
from moa_depth_ros.ros.focal_scale import FocalScale
from moa_depth_ros.ros.rectify import (
    Rectified,
    Rectifier,
    distortion_warning,
)


@dataclass(frozen=True)
class Frame:
    """An image that arrived.

    Attributes:
        read: returns the image and the order of its channels.
        received: in seconds of ``time.perf_counter``.
    """

    stream: CameraStream
    header: Header
    read: Callable[[], tuple[np.ndarray, str]]
    received: float


@dataclass(frozen=True)
class Job:
    """An image that is ready for the network.

    Attributes:
        picture: uint8, rectified if asked.
        channels: their order, as in `Picture`.
        unseen: (H, W) bool, where the camera saw nothing; None: nowhere.
        info, intrinsics: of the image; both None if CameraInfo is missing or unusable.
    """

    stream: CameraStream
    header: Header
    laps: Laps
    picture: np.ndarray
    channels: str
    unseen: np.ndarray | None
    info: CameraInfo | None
    intrinsics: Intrinsics | None


class CameraStream:
    """One camera's images while the node is active.

    Args:
        node: for its parameters and its clock.
        camera: where images come from, results go to and both are counted; with its outputs.
        estimators: holds the estimator, which may be replaced between two runs.
        submit: takes the camera's newest image.
    """

    def __init__(
        self,
        node: Node,
        camera: Camera,
        estimators: EstimatorSlot,
        submit: Callable[[Frame], None],
    ) -> None:
        self.camera = camera
        assert camera.outputs is not None
        # Kept, because the camera drops them while an earlier callback may still be running.
        self._outputs = camera.outputs
        self._node = node
        self._estimators = estimators
        self._submit = submit
        self._focal_scale = self._new_focal_scale()
        self._rectifier = Rectifier() if self._parameter("rectify") else None
        self._smoother = DepthSmoother()
        self._smoothed_for: Intrinsics | None = None
        self._cloud = PointCloud2()
        self._warned_of_distortion = False

    @property
    def focal_ratio(self) -> float:
        """The factor that depth is currently multiplied by, for the camera's lens."""
        return self._focal_scale.ratio

    def on_camera_info(self, msg: CameraInfo) -> None:
        """Keep it; warn if the lens distorts."""
        self.camera.statistics.count("camera_info")
        topic, rectifying = self.camera.inputs.base_topic, self._rectifier is not None
        shown = msg
        if not rectifying and distorts(msg):
            shown = rectified(msg) if is_named_rectified(topic) else unrectified(msg)
        self.camera.infos.add(shown)
        if self._warned_of_distortion:
            return
        if warning := distortion_warning(msg, topic, rectifying):
            self._warned_of_distortion = True
            self.camera.logger.warning(warning)

    def on_picture(self, msg: Image | CompressedImage) -> None:
        """Check the image and pass it on, if any output has a subscriber."""
        received = time.perf_counter()
        self.camera.statistics.count("in")
        if not self._outputs.anybody_listens():
            self.camera.statistics.count("unheard")
            return
        try:
            frame = Frame(self, msg.header, messages.reader(msg), received)
        except PictureError as error:
            self.camera.refuse(f"{self.camera.inputs.image_topic}: {error}")
            return
        self._submit(frame)

    def prepare(self, frame: Frame) -> Job | None:
        """Decode and rectify; None if the image was refused."""
        laps = Laps(frame.received)
        inputs, info = self.camera.inputs, self.camera.infos.of(frame.header)
        laps.end("waiting")
        try:
            picture, channels = frame.read()
            seen = self._rectified(picture, info)
        except PictureError as error:
            self.camera.refuse(f"{inputs.image_topic}: {error}")
            return None
        except CameraInfoError as error:
            self.camera.refuse(
                f"{inputs.info_topic}: {error} Nothing is published: rectify needs CameraInfo."
            )
            return None
        laps.end("reading")
        height, width = picture.shape[:2]
        if info is not None and (warning := shape_warning(info, width, height)):
            self.camera.complain(f"{inputs.info_topic}: {warning}")
        info, intrinsics = self._camera_of(seen)
        return Job(self, frame.header, laps, seen.picture, channels, seen.unseen, info, intrinsics)

    def answer_without_depth(self, job: Job) -> bool:
        """Publish the CameraInfo, if there is one, and count the image, if nothing else that has a
        subscriber can be made from it."""
        outputs = self._outputs
        if outputs.pictures_are_heard() or (job.info is not None and outputs.cloud_is_heard()):
            return False
        outputs.publish_camera_info(job.header, job.info, *job.picture.shape[:2])
        self.camera.statistics.count("refused" if job.info is None else "out")
        return True

    def picture_of(self, job: Job) -> Picture:
        """The estimator's input, with the camera that depth is scaled to."""
        if self._focal_scale.training_camera != self._estimators.present.training_camera:
            self._focal_scale = self._new_focal_scale()
        scaled = self._parameter("scale_by_focal_length")
        camera = self._focal_scale.camera_for(job.intrinsics, scaled)
        return Picture(job.picture, job.channels, camera)

    def smooth(self, job: Job, estimate: DepthEstimate) -> DepthEstimate:
        """The estimate with its depth smoothed over time, if asked."""
        if not _are_close(job.intrinsics, self._smoothed_for):
            self._smoothed_for = job.intrinsics
        scaled = self._parameter("scale_by_focal_length")
        # Each model has its own id: it is loaded while the previous one still exists.
        model = id(self._estimators.present)
        depth = self._smoother.smooth(
            estimate.depth,
            self._parameter("smoothing"),
            self._parameter("smoothing_max_change"),
            _seconds(job.header),
            source=(job.header.frame_id, self._smoothed_for, scaled, model),
        )
        return replace(estimate, depth=depth)

    def readings(self, job: Job, estimate: DepthEstimate) -> DepthEstimate:
        """The estimate without invalid depth: outside the limits, or where the camera saw
        nothing."""
        limits, uncertainty = parameters.depth_limits(self._node), estimate.uncertainty
        unseen = None if job.unseen is None else to_device(job.unseen, uncertainty.device)
        return replace(
            estimate,
            depth=keep_readings(estimate.depth, uncertainty, limits, unseen),
            uncertainty=keep_readings(uncertainty, uncertainty, DepthLimits(), unseen),
        )

    def publish(
        self, job: Job, estimate: DepthEstimate, readings: DepthEstimate, together: int
    ) -> None:
        """Publish every output that has a subscriber, and count the image.

        Args:
            estimate: with depth everywhere.
            readings: what :meth:`readings` returned for it.
            together: images that went through the network with this one, itself included.
        """
        outputs, laps = self._outputs, job.laps
        laps.end("waiting")  # for the outputs of other cameras
        outputs.publish_pictures(job.header, readings, self._parameter("depth_encoding"), job.info)
        laps.end("publishing")
        if job.intrinsics is not None and outputs.cloud_is_heard():
            shown = self._without_edges(readings, estimate)
            options = parameters.cloud_options(self._node)
            messages.fill_cloud(
                self._cloud, job.header, shown.depth, shown.colour, job.intrinsics, options
            )
            laps.end("cloud")
            outputs.publish_cloud(self._cloud)
            laps.end("publishing")
        self.camera.statistics.count("out")
        self.camera.statistics.took(laps.seconds, self._age(job.header), together)

    def _without_edges(self, readings: DepthEstimate, estimate: DepthEstimate) -> DepthEstimate:
        """The readings that the cloud shows; edges are found in the estimate's depth."""
        ratio = self._parameter("cloud_max_edge_ratio")
        if not ratio:
            return readings
        reach = self._estimators.present.half_a_cell(*readings.depth.shape)
        return replace(readings, depth=drop_edges(readings.depth, ratio, reach, estimate.depth))

    def _rectified(self, picture: np.ndarray, info: CameraInfo | None) -> Rectified:
        """The image, unchanged unless rectifying was asked for."""
        if self._rectifier is None:
            return Rectified(picture, info, unseen=None)
        if info is None:
            raise CameraInfoError(self.camera.inputs.why_no_camera_info())
        return self._rectifier.rectify(picture, info)

    def _camera_of(self, seen: Rectified) -> tuple[CameraInfo, Intrinsics] | tuple[None, None]:
        """The CameraInfo to use and the image's intrinsics; or neither, with a complaint if an
        output needs them."""
        try:
            if seen.info is None:
                raise CameraInfoError(self.camera.inputs.why_no_camera_info())
            height, width = seen.picture.shape[:2]
            intrinsics = intrinsics_for(seen.info, width, height)
        except CameraInfoError as error:
            topic = self.camera.inputs.info_topic
            if self._outputs.need_camera_info():
                self.camera.complain(f"{topic}: {error} No cloud or camera_info is published.")
            elif self._parameter("scale_by_focal_length"):
                self.camera.complain(
                    f"{topic}: {error} Depth is not scaled to this camera's focal length "
                    "(scale_by_focal_length)."
                )
            return None, None
        return seen.info, intrinsics

    def _new_focal_scale(self) -> FocalScale:
        return FocalScale(self._estimators.present.training_camera, self.camera.tell)

    def _age(self, header: Header) -> float:
        """Seconds since the image's stamp, by the node's clock (simulated time included)."""
        return self._node.get_clock().now().nanoseconds * 1e-9 - _seconds(header)

    def _parameter(self, name: str):
        return self._node.get_parameter(name).value


def _are_close(camera: Intrinsics | None, other: Intrinsics | None) -> bool:
    """Whether both are equal but for the small changes of a driver that keeps recalibrating."""
    if camera is None or other is None:
        return camera is other
    return (camera.width, camera.height) == (other.width, other.height) and np.allclose(
        (camera.fx, camera.fy, camera.cx, camera.cy),
        (other.fx, other.fy, other.cx, other.cy),
        rtol=0.01,
        atol=1.0,
    )


def _seconds(header: Header) -> float:
    """The stamp, which may be anything: rclpy's Time refuses those before 1970."""
    return header.stamp.sec + header.stamp.nanosec * 1e-9
