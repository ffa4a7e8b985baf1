"""All parameters of the node in one table: name, default, meaning, allowed values, read-only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from moa_depth_ros.estimator import PRECISIONS
from moa_depth_ros.ros.messages import DEPTH_ENCODINGS

_TRANSPORTS = ("raw", "compressed")


@dataclass(frozen=True)
class Row:
    """One parameter.

    Attributes:
        choices: the allowed values; empty: any.
        limits: smallest and largest allowed value. Where the default is a float, whole numbers are
            accepted, too (5 for 5.0), which ROS itself refuses.
    """

    name: str
    default: str | bool | int | float | list[str]
    description: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    read_only: bool = True

    def refusal(self, value: Any) -> str | None:
        """Why the value is refused, or None."""
        if self.choices and value not in self.choices:
            return f"{self.name}: expected one of {', '.join(self.choices)}; found '{value}'"
        if self._takes_any_number and self.limits is not None:
            low, high = self.limits
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (is_number and low <= value <= high):
                return f"{self.name}: expected a number from {low:g} to {high:g}; found '{value}'"
        return None

    @property
    def _takes_any_number(self) -> bool:
        return isinstance(self.default, float)

    def descriptor(self) -> ParameterDescriptor:
        """What `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(
            description=self.description,
            read_only=self.read_only,
            dynamic_typing=self._takes_any_number,
            additional_constraints=f"One of {', '.join(self.choices)}." if self.choices else "",
        )
        if self.limits:
            low, high = self.limits
            if isinstance(self.default, int):
                descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
            else:
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=low, to_value=high)
                ]
        return descriptor


TABLE = (
    Row(
        "model",
        "",
        "Model folder (config.json and model.safetensors). Empty: the demo model of this package. "
        "If set at runtime, the new model is loaded alongside the current one, then replaces it, "
        "or is refused; the same holds for device and precision.",
        read_only=False,
    ),
    Row(
        "device",
        "auto",
        "Device the network runs on: auto (CUDA if available), cpu, cuda or cuda:N.",
        read_only=False,
    ),
    Row(
        "precision",
        "float32",
        "Number format the network computes in.",
        choices=tuple(PRECISIONS),
        read_only=False,
    ),
    Row(
        "fallback_to_cpu",
        True,
        "If the device runs out of memory, continue on the CPU, much more slowly. False: the image "
        "fails.",
        read_only=False,
    ),
    Row(
        "autostart",
        True,
        "Configure and activate on startup. False: wait for ros2 lifecycle set or a lifecycle "
        "manager.",
    ),
    Row(
        "cameras",
        [""],  # ROS has no empty arrays
        "Names of the cameras that share the network. The camera 'front' reads front/image and the "
        "camera_info beside it, and publishes ~/front/depth, ~/front/points and so on; the empty "
        "name reads image and publishes ~/depth and so on.",
    ),
    Row(
        "image_transport",
        "raw",
        "raw: sensor_msgs/Image from the topic 'image'. compressed: JPEG or PNG as "
        "sensor_msgs/CompressedImage from the topic below it, 'image/compressed'.",
        choices=_TRANSPORTS,
    ),
    Row(
        "rectify",
        False,
        "Undistort the images first, using CameraInfo. For images that are not rectified already.",
    ),
    Row(
        "depth_encoding",
        "32FC1",
        "Encoding of ~/depth: 32FC1 (metres, NaN invalid) or 16UC1 (millimetres, 0 invalid).",
        choices=DEPTH_ENCODINGS,
        read_only=False,
    ),
    Row(
        "scale_by_focal_length",
        True,
        "Multiply depth by the ratio of the camera's focal length to the training camera's: "
        "otherwise, depth from a different lens is off by this ratio.",
        read_only=False,
    ),
    Row(
        "min_depth",
        0.0,
        "Metres; depth below this becomes invalid in ~/depth and ~/points. 0: no limit.",
        limits=(0.0, 1000.0),
        read_only=False,
    ),
    Row(
        "max_depth",
        0.0,
        "Metres; depth above this becomes invalid in ~/depth and ~/points. 0: no limit.",
        limits=(0.0, 1000.0),
        read_only=False,
    ),
    Row(
        "max_uncertainty",
        0.0,
        "Metres; where ~/uncertainty is larger, ~/depth and ~/points become invalid. 0: no limit.",
        limits=(0.0, 100.0),
        read_only=False,
    ),
    Row(
        "smoothing",
        0.0,
        "Reduces flicker: weight of the running average of earlier depth. 0: off. Changes larger "
        "than smoothing_max_change take effect at once.",
        limits=(0.0, 0.99),
        read_only=False,
    ),
    Row(
        "smoothing_max_change",
        0.1,
        "Largest change of a pixel's depth, relative to the average, that counts as flicker.",
        limits=(0.001, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_stride",
        1,
        "~/points contains every n-th pixel of every n-th row.",
        limits=(1, 64),
        read_only=False,
    ),
    Row(
        "cloud_voxel_size",
        0.0,
        "Metres; ~/points has one point, the mean, per cube of this size, unorganised. "
        "0: organised, one point per pixel.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_max_edge_ratio",
        0.0,
        "~/points leaves out pixels where depth changes by more than this fraction (0.15: 15 %) "
        "across half a cell of the network: they would float between near and far surfaces. 0: "
        "keep them.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_colour",
        True,
        "~/points with colour (x y z rgb, 16 bytes per point) or without (12 bytes).",
        read_only=False,
    ),
)
