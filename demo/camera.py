"""The demo's camera: publishes ``/camera/image_raw``, ``camera_info`` and true depth, if known."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from demo.frames import Folder, Rooms, Source, View
from demo.messages import picture_message
from moa_depth_ros.command_line import a_path
from moa_depth_ros.machine.plain_warnings import warn_in_lines
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.signals import EndSignals

READERS = 2  # of the images: the depth node and the viewer
PATIENCE_SECONDS = 90.0


class Camera(Node):
    """Publishes views; reliable, like drivers of depth cameras."""

    def __init__(self) -> None:
        super().__init__("camera")
        qos = QoSProfile(depth=5)
        self._picture = self.create_publisher(Image, "/camera/image_raw", qos)
        self._info = self.create_publisher(CameraInfo, "/camera/camera_info", qos)
        self._truth = self.create_publisher(Image, "/camera/depth_truth", qos)

    def is_heard(self) -> bool:
        """Whether node and viewer are subscribed, so that every published frame counts."""
        heard = self._picture.get_subscription_count() >= READERS
        return heard and self._info.get_subscription_count() > 0

    def publish(self, view: View, camera_info: CameraInfo) -> None:
        """Publish one view, stamped now; the image comes last, because it triggers the node."""
        stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id="camera_optical_frame")
        camera_info.header = header
        self._info.publish(camera_info)
        if view.depth is not None:
            self._truth.publish(picture_message(header, view.depth.astype("<f4"), "32FC1"))
        self._picture.publish(picture_message(header, view.picture, "rgb8"))


def film(camera: Camera, source: Source, rate: float, seconds: float, signals: EndSignals) -> int:
    """Show the film, back and forth, at a rate in Hz for some seconds. Returns the number of
    published frames."""
    info = camera_info_message(Header(), source.camera)
    count = round(rate * seconds)
    begin = time.monotonic()
    places = itertools.cycle([*range(len(source)), *range(len(source) - 2, 0, -1)])
    for index, place in zip(range(count), places, strict=False):
        view = source[place]
        time.sleep(max(0.0, begin + index / rate - time.monotonic()))
        if signals.asked:
            return index
        camera.publish(view, info)
    return count


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=a_path)
    parser.add_argument("--camera", type=a_path)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--result", type=a_path, required=True, help="JSON file to write")
    options = parser.parse_args()
    signals = EndSignals()
    warn_in_lines()
    try:
        source = Folder(options.images, options.camera) if options.images else Rooms()
    except (OSError, ValueError) as error:
        print(f"camera: {error}", file=sys.stderr)
        return 1
    print(f"camera: {source.text}", flush=True)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        published = _run(source, options.rate, options.seconds, signals)
        with whole_file(options.result) as unfinished:
            unfinished.write_text(json.dumps({"published": published, "source": source.text}))
    except (OSError, ValueError) as error:
        print(f"camera: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


def _run(source: Source, rate: float, seconds: float, signals: EndSignals) -> int:
    camera = Camera()
    limit = time.monotonic() + PATIENCE_SECONDS
    while not camera.is_heard():
        if time.monotonic() > limit:
            raise TimeoutError("the node and the viewer did not subscribe")
        time.sleep(0.05)
    time.sleep(0.5)  # the other side may learn of the connection a moment later
    signals.phase = "running"
    print(f"camera: {rate:g} images per second for {seconds:g} s", flush=True)
    published = film(camera, source, rate, seconds, signals)
    time.sleep(0.5)  # reliable readers may still request the last frame
    camera.destroy_node()
    return published


if __name__ == "__main__":
    sys.exit(main())
