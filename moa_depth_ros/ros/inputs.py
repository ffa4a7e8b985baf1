"""A camera's subscriptions: images, and the CameraInfo beside them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from moa_depth_ros.ros.qos import OVERRIDABLE, input_qos


class Inputs:
    """Where a camera's images come from.

    Args:
        node: the node that subscribes.
        camera: the namespace of the topics, ``front/image``; empty: ``image``.
        group: the callbacks' group.

    Attributes:
        image_topic: of the images, including the suffix of their transport.
        base_topic: the same without the suffix, whether or not the user gave it.
        info_topic: where ``camera_info`` was remapped to, else the sibling of the image topic, as
            in image_transport.
    """

    def __init__(self, node: Node, camera: str, group: CallbackGroup) -> None:
        self._node = node
        self._group = group
        self._subscriptions: list = []
        image, info = (posixpath.join(camera, name) for name in ("image", "camera_info"))
        resolved = node.resolve_topic_name(image)
        base = resolved.removesuffix("/compressed")
        # Subscribed to under the names from before remapping, if possible: ROS remaps every name,
        # including one that is remapped already.
        if node.get_parameter("image_transport").value == "compressed":
            compressed = f"{image}/compressed"
            self._kind: type = CompressedImage
            self._image = compressed if is_remapped(node, compressed) else f"{base}/compressed"
        else:
            self._kind = Image
            self._image = image if base == resolved else base
        self.image_topic = node.resolve_topic_name(self._image)
        self.base_topic = self.image_topic.removesuffix("/compressed")
        sibling = posixpath.join(posixpath.dirname(self.base_topic), "camera_info")
        self._info = info if is_remapped(node, info) else sibling
        self.info_topic = node.resolve_topic_name(self._info)

    def __str__(self) -> str:
        return f"images from {self.image_topic}, camera_info from {self.info_topic}"

    def why_silent(self) -> str:
        """For a user who waits for images: the topic they are expected on, and likely causes."""
        awaited = f"{self.image_topic} (sensor_msgs/{self._kind.__name__})"
        if self._node.count_publishers(self.image_topic):
            return (
                f"{awaited} has a publisher, but its type or QoS does not match, it sends nothing, "
                "or its images get lost on the way (docs/node.md)."
            )
        other, transport = f"{self.base_topic}/compressed", "compressed"
        if self._kind is CompressedImage:
            other, transport = self.base_topic, "raw"
        if self._node.count_publishers(other):
            return (
                f"{awaited} has no publisher, but {other} has one: set image_transport to "
                f"{transport}."
            )
        return f"{awaited} has no publisher; 'ros2 topic list' shows what there is."

    def why_no_camera_info(self) -> str:
        """For a user who waits for CameraInfo: the likely cause."""
        publishers = self._node.get_publishers_info_by_topic(self.info_topic)
        if not publishers:
            return "no CameraInfo received yet: nobody publishes it."
        kept = DurabilityPolicy.TRANSIENT_LOCAL
        if any(publisher.qos_profile.durability == kept for publisher in publishers):
            return (
                "no CameraInfo received yet: it is latched, so a late subscription receives it "
                "only if it is transient_local, too; set qos_overrides (docs/node.md, Quality of "
                "service)."
            )
        return "no CameraInfo received yet."

    def subscribe(
        self,
        on_picture: Callable[[Image | CompressedImage], None],
        on_camera_info: Callable[[CameraInfo], None],
    ) -> None:
        """Subscribe to both topics."""
        self._subscribe(CameraInfo, self._info, on_camera_info)
        self._subscribe(self._kind, self._image, on_picture)

    def unsubscribe(self) -> None:
        """Unsubscribe; a callback may still be running."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _subscribe(self, kind: type, name: str, callback: Callable) -> None:
        self._subscriptions.append(
            self._node.create_subscription(
                kind,
                name,
                callback,
                input_qos(),
                callback_group=self._group,
                qos_overriding_options=OVERRIDABLE,
            )
        )


def is_remapped(node: Node, name: str) -> bool:
    """Whether one of the user's rules remaps a topic."""
    return node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True)
