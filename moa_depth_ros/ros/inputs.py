"""A camera's subscriptions: pictures, and the CameraInfo beside them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
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
        self._kind = Image
        image, info = (posixpath.join(camera, name) for name in ("image", "camera_info"))
        self.base_topic = node.resolve_topic_name(image).removesuffix("/compressed")
        self.image_topic = self.base_topic
        if node.get_parameter("image_transport").value == "compressed":
            self._kind = CompressedImage
            self.image_topic = _remapped(node, f"{image}/compressed") or (
                f"{self.base_topic}/compressed"
            )
            self.base_topic = self.image_topic.removesuffix("/compressed")
        sibling = self.base_topic.rpartition("/")[0] + "/camera_info"
        self.info_topic = _remapped(node, info) or sibling

    def __str__(self) -> str:
        return f"pictures from {self.image_topic}, camera_info from {self.info_topic}"

    def subscribe(
        self,
        on_picture: Callable[[Image | CompressedImage], None],
        on_camera_info: Callable[[CameraInfo], None],
    ) -> None:
        """Begin to listen."""
        self._subscribe(CameraInfo, self.info_topic, on_camera_info)
        self._subscribe(self._kind, self.image_topic, on_picture)

    def unsubscribe(self) -> None:
        """Stop listening; a callback may still be running."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _subscribe(self, kind: type, topic: str, callback: Callable) -> None:
        self._subscriptions.append(
            self._node.create_subscription(
                kind,
                topic,
                callback,
                input_qos(),
                callback_group=self._group,
                qos_overriding_options=OVERRIDABLE,
            )
        )


def _remapped(node: Node, topic: str) -> str | None:
    """What the user made of the topic; None where that is nothing."""
    name = node.resolve_topic_name(topic)
    return None if name == node.resolve_topic_name(topic, only_expand=True) else name
