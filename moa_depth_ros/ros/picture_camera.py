"""A node that stands in for a camera: publishes the images of a folder, over and over."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from moa_depth_ros.pictures.camera_files import read_camera_yaml
from moa_depth_ros.pictures.files import SUFFIXES, read_picture
from moa_depth_ros.ros.camera_info import camera_info_message
from moa_depth_ros.ros.message_data import picture_message
from moa_depth_ros.ros.shared_files import shared_file

FRAME = "camera_optical_frame"


class PictureCamera(Node):
    """Publishes ``image_raw`` and ``camera_info`` in ``/camera``, stamped with the current time.

    The parameter ``folder`` names a folder of images (JPEG or PNG, in the order of their names)
    with a ``camera.yaml``, a ROS camera_info file; empty: this package's rendered room. ``rate`` is
    in Hz.

    Raises:
        ValueError, OSError: a file is missing or can't be read, or the rate is not allowed.
        InvalidParameterTypeException: a parameter has the wrong type.
    """

    def __init__(self) -> None:
        super().__init__("camera", namespace="/camera")
        given: str = self.declare_parameter("folder", "").value
        any_number = ParameterDescriptor(dynamic_typing=True)
        rate: Any = self.declare_parameter("rate", 10.0, any_number).value
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < 1000:
            raise ValueError(f"rate: expected Hz, above 0 and below 1000, found {rate!r}")
        shipped = shared_file("pictures/camera.yaml").parent
        folder = Path(given).expanduser() if given else shipped
        if not folder.is_dir():
            raise ValueError(f"folder: expected a folder of images, found none: {folder}")
        paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise ValueError(f"{folder}: expected {', '.join(SUFFIXES)} images, found none")
        calibration = folder / "camera.yaml"
        if not calibration.is_file():
            raise ValueError(f"{calibration}: missing; expected a ROS camera_info file")
        pictures = [read_picture(path) for path in paths]
        self._film = itertools.cycle([*pictures, *pictures[-2:0:-1]])  # there and back
        self._camera = read_camera_yaml(calibration)
        qos = QoSProfile(depth=5)
        self._pictures = self.create_publisher(Image, "image_raw", qos)
        self._infos = self.create_publisher(CameraInfo, "camera_info", qos)
        self.create_timer(1.0 / rate, self._show)

    def _show(self) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=FRAME)
        self._infos.publish(camera_info_message(header, self._camera))
        self._pictures.publish(picture_message(header, next(self._film), "rgb8"))
