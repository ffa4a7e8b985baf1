"""Answers each image with ready-made messages of the depth node's sizes: the least that a Python
node can do."""

from __future__ import annotations

from array import array
from functools import cache

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2

from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.ros.qos import input_qos, output_qos

# The depth node's value, repeated here: importing it would bring PyTorch into this process.
POINT_BYTES = 16


class Relay(Node):
    """Subscribes and publishes like the depth node, under its name."""

    def __init__(self) -> None:
        super().__init__("moa_depth")
        self._depth = self.create_publisher(Image, "~/depth", output_qos())
        self._points = self.create_publisher(PointCloud2, "~/points", output_qos())
        self.create_subscription(Image, "image", self._on_picture, input_qos())

    def _on_picture(self, msg: Image) -> None:
        depth, cloud = _answers(msg.width, msg.height)
        depth.header = cloud.header = msg.header
        self._depth.publish(depth)
        if self._points.get_subscription_count():
            self._points.publish(cloud)


@cache
def _answers(width: int, height: int) -> tuple[Image, PointCloud2]:
    depth = Image(width=width, height=height, step=4 * width, encoding="32FC1")
    depth.data = array("B", bytes(4 * width * height))
    cloud = PointCloud2(width=width, height=height, point_step=POINT_BYTES)
    cloud.row_step = POINT_BYTES * width
    cloud.data = array("B", bytes(POINT_BYTES * width * height))
    return depth, cloud


def main() -> None:
    """Relays until SIGINT."""
    keep_freed_memory()
    rclpy.init()
    try:
        rclpy.spin(Relay())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
