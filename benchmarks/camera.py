"""The benchmark's camera: one image of noise, published again and again at a rate."""

from __future__ import annotations

import argparse
import time

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from demo.messages import picture_message
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.ros.camera_info import camera_info_message

PATIENCE_SECONDS = 60.0
SETTLE_SECONDS = 0.5  # the other side may learn of a connection a moment later


def film(node: Node, width: int, height: int, rate: float, frames: int) -> None:
    """Publish frames at a rate in Hz, once there is a subscriber.

    Raises:
        TimeoutError: there is none.
    """
    info_publisher = node.create_publisher(CameraInfo, "/camera/camera_info", 5)
    publisher = node.create_publisher(Image, "/camera/image_raw", 5)
    limit = time.monotonic() + PATIENCE_SECONDS
    while not publisher.get_subscription_count():
        if time.monotonic() > limit:
            raise TimeoutError("/camera/image_raw has no subscriber")
        time.sleep(0.05)
    time.sleep(SETTLE_SECONDS)
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    header = Header(frame_id="camera_optical_frame")
    picture = picture_message(header, noise, "rgb8")
    header.stamp = node.get_clock().now().to_msg()
    info_publisher.publish(camera_info_message(header, NYU_KINECT.resized(width, height)))
    time.sleep(SETTLE_SECONDS)  # the node needs it before the image
    begin = time.monotonic()
    for index in range(frames):
        time.sleep(max(0.0, begin + index / rate - time.monotonic()))
        picture.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(picture)
    time.sleep(SETTLE_SECONDS)


def main() -> None:
    """Publishes the film and ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--frames", type=int, required=True)
    options = parser.parse_args()
    rclpy.init()
    node = rclpy.create_node("camera")
    film(node, options.width, options.height, options.rate, options.frames)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
