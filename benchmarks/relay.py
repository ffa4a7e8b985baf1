"""Answers each picture with messages of the depth node's sizes, ready made: the least that a Python
node can do."""

from __future__ import annotations

from array import array
from functools import cache

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, PointCloud2

from moa_depth_ros.machine.allocator import keep_freed_memory

# The depth node's, written down again: importing them would bring PyTorch into this process.
INPUT_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
OUTPUT_QOS = QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
POINT_BYTES = 16


class Relay(Node):
    """Subscribes and publishes as the depth node does, under its name."""

    def __init__(self) -> None:
        super().__init__("moa_depth")
        self._depth = self.create_publisher(Image, "~/depth", OUTPUT_QOS)
        self._points = self.create_publisher(PointCloud2, "~/points", OUTPUT_QOS)
        self.create_subscription(Image, "image", self._on_picture, INPUT_QOS)

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
