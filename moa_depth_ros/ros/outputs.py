"""A camera's publishers. No work is done for an output without a subscriber."""

from __future__ import annotations

import posixpath

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from moa_depth_ros.estimator import DepthEstimate
from moa_depth_ros.ros import messages
from moa_depth_ros.ros.camera_info import camera_info_for
from moa_depth_ros.ros.inputs import is_remapped
from moa_depth_ros.ros.qos import OVERRIDABLE, output_qos

_COMPRESSED_DEPTH = "depth/compressedDepth"


class Outputs:
    """``~/depth``, ``~/depth/compressedDepth``, ``~/uncertainty``, ``~/points`` and
    ``~/camera_info``, stamped as the picture; ``~/front/depth`` and so on of a camera ``front``.

    Args:
        node: that publishes.
        camera: the name that the topics are below, or empty.
    """

    def __init__(self, node: Node, camera: str) -> None:
        self._node = node
        self._publishers: list[Publisher] = []

        def publisher(kind: type, name: str) -> Publisher:
            topic = _topic(node, camera, name)
            made: Publisher = node.create_publisher(
                kind, topic, output_qos(), qos_overriding_options=OVERRIDABLE
            )
            self._publishers.append(made)
            return made

        try:
            self._depth = publisher(Image, "depth")
            self._compressed_depth = publisher(CompressedImage, _COMPRESSED_DEPTH)
            self._uncertainty = publisher(Image, "uncertainty")
            self._points = publisher(PointCloud2, "points")
            self._camera_info = publisher(CameraInfo, "camera_info")
        except Exception:  # rclpy's, of any class, about overrides of QoS
            self.destroy()
            raise

    def destroy(self) -> None:
        """Leave the graph; nothing may be published afterwards."""
        while self._publishers:
            self._node.destroy_publisher(self._publishers.pop())

    def anybody_listens(self) -> bool:
        """Whether any of them has a subscriber."""
        return any(map(_heard, self._publishers))

    def pictures_are_heard(self) -> bool:
        """Whether depth or uncertainty has one."""
        return any(map(_heard, (self._depth, self._compressed_depth, self._uncertainty)))

    def need_camera_info(self) -> bool:
        """Whether an output that can't be made without the camera's CameraInfo has a subscriber."""
        return _heard(self._points) or _heard(self._camera_info)

    def cloud_is_heard(self) -> bool:
        """Whether the cloud is worth making."""
        return _heard(self._points)

    def publish_pictures(
        self, header: Header, estimate: DepthEstimate, encoding: str, info: CameraInfo | None
    ) -> None:
        """Depth in the encoding 32FC1 or 16UC1, uncertainty, and the CameraInfo that belongs to
        them, made from the camera's where that is known: first, for readers that take the newest,
        such as depthimage_to_laserscan."""
        self.publish_camera_info(header, info, *estimate.depth.shape)
        if _heard(self._depth):
            self._depth.publish(messages.depth_message(header, estimate.depth, encoding))
        if _heard(self._compressed_depth):
            compressed = messages.compressed_depth_message(header, estimate.depth, encoding)
            self._compressed_depth.publish(compressed)
        if _heard(self._uncertainty):
            self._uncertainty.publish(messages.uncertainty_message(header, estimate.uncertainty))

    def publish_camera_info(
        self, header: Header, info: CameraInfo | None, height: int, width: int
    ) -> None:
        """That of a picture of this size, made from the camera's where that is known."""
        if info is not None and _heard(self._camera_info):
            self._camera_info.publish(camera_info_for(info, header, width, height))

    def publish_cloud(self, cloud: PointCloud2) -> None:
        """The cloud, ready made: making it counts as another stage."""
        self._points.publish(cloud)


def _topic(node: Node, camera: str, name: str) -> str:
    """Of an output. That of the compressed depth, unless it is remapped itself, is the one which
    image_transport's subscribers look for: below the depth's, wherever that was remapped to."""
    topic = posixpath.join("~", camera, name)
    if name != _COMPRESSED_DEPTH or is_remapped(node, topic):
        return topic
    depth, suffix = posixpath.split(topic)
    return posixpath.join(node.resolve_topic_name(depth), suffix)


def _heard(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0
