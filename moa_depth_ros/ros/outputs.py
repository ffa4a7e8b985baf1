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
    ``~/camera_info``, stamped like the image; ``~/front/depth`` and so on for a camera ``front``.

    Args:
        node: the node that publishes.
        camera: the namespace of the topics, or empty.
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
        except Exception:  # rclpy's, of any class, about QoS overrides
            self.destroy()
            raise

    def destroy(self) -> None:
        """Leave the graph; nothing may be published afterwards."""
        while self._publishers:
            self._node.destroy_publisher(self._publishers.pop())

    def anybody_listens(self) -> bool:
        """Whether any output has a subscriber."""
        return any(map(_heard, self._publishers))

    def pictures_are_heard(self) -> bool:
        """Whether depth or uncertainty has a subscriber."""
        return any(map(_heard, (self._depth, self._compressed_depth, self._uncertainty)))

    def need_camera_info(self) -> bool:
        """Whether an output that can't be made without the camera's CameraInfo has a subscriber."""
        return _heard(self._points) or _heard(self._camera_info)

    def cloud_is_heard(self) -> bool:
        """Whether the cloud has a subscriber."""
        return _heard(self._points)

    def publish_pictures(
        self, header: Header, estimate: DepthEstimate, encoding: str, info: CameraInfo | None
    ) -> None:
        """Depth in the encoding 32FC1 or 16UC1, uncertainty, and their CameraInfo, made from the
        camera's if that is known. It goes first, for readers that use the newest one, such as
        depthimage_to_laserscan."""
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
        """The CameraInfo of an image of this size, made from the camera's if that is known."""
        if info is not None and _heard(self._camera_info):
            self._camera_info.publish(camera_info_for(info, header, width, height))

    def publish_cloud(self, cloud: PointCloud2) -> None:
        """The finished cloud: making it counts as another stage."""
        self._points.publish(cloud)


def _topic(node: Node, camera: str, name: str) -> str:
    """The topic of an output. Unless it is remapped itself, the compressed depth is where
    image_transport's subscribers look for it: below the depth topic, wherever that was remapped
    to."""
    topic = posixpath.join("~", camera, name)
    if name != _COMPRESSED_DEPTH or is_remapped(node, topic):
        return topic
    depth, suffix = posixpath.split(topic)
    return posixpath.join(node.resolve_topic_name(depth), suffix)


def _heard(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0
