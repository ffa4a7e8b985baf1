"""A camera's subscriptions: pictures, and the CameraInfo beside them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from moa_depth_ros.ros.qos import OVERRIDABLE, input_qos


class Inputs:
    """Where a camera's pictures come from.

    Args:
        node: that subscribes.
        camera: the name that the topics are below, ``front/image``; empty: ``image``.
        group: that the callbacks run in.

    Attributes:
        image_topic: of the pictures, its transport's suffix included.
        base_topic: the same without the suffix, whether the user gave that or not.
        info_topic: where ``camera_info`` was remapped to, else the sibling of the picture topic,
            as image_transport has it.
    """

    def __init__(self, node: Node, camera: str, group: CallbackGroup) -> None:
        self._node = node
        self._group = group
        self._subscriptions: list = []
        image, info = (posixpath.join(camera, name) for name in ("image", "camera_info"))
        resolved = node.resolve_topic_name(image)
        base = resolved.removesuffix("/compressed")
        # Subscribed to under the names from before remapping, where they will do: ROS remaps every
        # name, one that is remapped already a second time.
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
        return f"pictures from {self.image_topic}, camera_info from {self.info_topic}"

    def why_silent(self) -> str:
        """For a user who waits for pictures: where they are awaited, and what may keep them."""
        awaited = f"{self.image_topic} (sensor_msgs/{self._kind.__name__})"
        if self._node.count_publishers(self.image_topic):
            return (
                f"{awaited} has a publisher, but of another type or quality of service, one that "
                "is silent, or one whose pictures get lost on the way (docs/node.md)."
            )
        other, transport = f"{self.base_topic}/compressed", "compressed"
        if self._kind is CompressedImage:
            other, transport = self.base_topic, "raw"
        if self._node.count_publishers(other):
            return (
                f"nobody publishes {awaited}, but somebody does {other}: set image_transport to "
                f"{transport}."
            )
        return f"nobody publishes {awaited}; 'ros2 topic list' shows what there is."

    def why_no_camera_info(self) -> str:
        """For a user who waits for one."""
        publishers = self._node.get_publishers_info_by_topic(self.info_topic)
        if not publishers:
            return "no CameraInfo came yet: nobody publishes it."
        kept = DurabilityPolicy.TRANSIENT_LOCAL
        if any(publisher.qos_profile.durability == kept for publisher in publishers):
            return (
                "no CameraInfo came yet: it is latched, for readers that ask for what was before; "
                "let the node do so by qos_overrides (docs/node.md, Quality of service)."
            )
        return "no CameraInfo came yet."

    def subscribe(
        self,
        on_picture: Callable[[Image | CompressedImage], None],
        on_camera_info: Callable[[CameraInfo], None],
    ) -> None:
        """Begin to listen."""
        self._subscribe(CameraInfo, self._info, on_camera_info)
        self._subscribe(self._kind, self._image, on_picture)

    def unsubscribe(self) -> None:
        """Stop listening; a callback may still be running."""
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
    """Whether a rule of the user's gives a topic another name."""
    return node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True)
