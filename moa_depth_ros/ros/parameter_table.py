"""Every parameter of the node, in one table: name, default, meaning, allowed values, read-only."""

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
        choices: the values that are allowed; empty: any.
        limits: the least and the greatest value, both allowed. Where they are fractions, whole
            numbers are taken, too: 5 for 5.0, which ROS itself refuses.
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
        "Set while the node runs, it is loaded beside the present one and then takes its place, or "
        "is refused; device and precision alike.",
        read_only=False,
    ),
    Row(
        "device",
        "auto",
        "Where the network runs: auto, cpu, cuda or cuda:N.",
        read_only=False,
    ),
    Row(
        "precision",
        "float32",
        "Number format of the network's arithmetic.",
        choices=tuple(PRECISIONS),
        read_only=False,
    ),
    Row(
        "fallback_to_cpu",
        True,
        "Continue on the CPU, much slower, when the device's memory is out. False: pictures fail.",
        read_only=False,
    ),
    Row(
        "autostart",
        True,
        "Configure and activate by itself. False: wait for somebody to do it (ros2 lifecycle set, "
        "a lifecycle manager).",
    ),
    Row(
        "cameras",
        [""],  # ROS has no empty arrays
        "Names of the cameras that share the network. front: from front/image and the camera_info "
        "beside it to ~/front/depth, ~/front/points and so on. The empty name: image, ~/depth.",
    ),
    Row(
        "image_transport",
        "raw",
        "raw: pictures as sensor_msgs/Image from the topic 'image'. compressed: JPEG or PNG as "
        "sensor_msgs/CompressedImage from the topic below it, 'image/compressed'.",
        choices=_TRANSPORTS,
    ),
    Row(
        "rectify",
        False,
        "Take the lens's distortion, as CameraInfo has it, out of the pictures first. For pictures "
        "that are not rectified already.",
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
        "Multiply depth by the ratio of the camera's focal length to that of the camera the "
        "network was trained with: without that, another lens gives depth off by this ratio.",
        read_only=False,
    ),
    Row(
        "min_depth",
        0.0,
        "Metres; what is nearer becomes invalid in ~/depth and ~/points. 0: no limit.",
        limits=(0.0, 1000.0),
        read_only=False,
    ),
    Row(
        "max_depth",
        0.0,
        "Metres; what is farther becomes invalid in ~/depth and ~/points. 0: no limit.",
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
        "Against flicker: weight of the running average of earlier depth. 0: off. What "
        "changes more than smoothing_max_change comes through at once.",
        limits=(0.0, 0.99),
        read_only=False,
    ),
    Row(
        "smoothing_max_change",
        0.1,
        "Largest change of a pixel's depth, relative to the average, that is taken for flicker.",
        limits=(0.001, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_stride",
        1,
        "~/points has every n-th pixel of every n-th row.",
        limits=(1, 64),
        read_only=False,
    ),
    Row(
        "cloud_voxel_size",
        0.0,
        "Metres; ~/points has one point, the mean, for each cube of this size, unorganised. "
        "0: organised, one point a pixel.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_max_edge_ratio",
        0.0,
        "~/points leaves out pixels where depth changes by more than this share of it (0.15: 15 %) "
        "over half a cell of the network: they would float between near and far things. 0: keep "
        "them.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    Row(
        "cloud_colour",
        True,
        "~/points with colour (x y z rgb, 16 bytes a point) or without (12 bytes).",
        read_only=False,
    ),
)
