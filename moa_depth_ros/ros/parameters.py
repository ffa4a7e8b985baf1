"""Every parameter of the node, in one table: name, default, meaning, allowed values, read-only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from moa_depth_ros.cloud import SMALLEST_VOXEL, CloudOptions
from moa_depth_ros.estimator import DEMO_MODEL, PRECISIONS
from moa_depth_ros.estimator_slot import ModelChoice
from moa_depth_ros.filters import DepthLimits
from moa_depth_ros.ros.messages import DEPTH_ENCODINGS

TRANSPORTS = ("raw", "compressed")
CAMERA_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?")  # a part of a topic's name, or none


class ParameterError(ValueError):
    """A parameter that the node can't start with; the text says which, and what is allowed."""


@dataclass(frozen=True)
class _Row:
    name: str
    default: str | bool | int | float | list[str]
    description: str
    choices: tuple[str, ...] = ()  # empty: anything
    limits: tuple[float, float] | None = None  # both allowed; rclpy refuses what is outside
    read_only: bool = True

    def refusal(self, value: object) -> str | None:
        """Why the value is refused, or None."""
        if self.choices and value not in self.choices:
            return f"{self.name}: expected one of {', '.join(self.choices)}; found '{value}'"
        return None

    def descriptor(self) -> ParameterDescriptor:
        descriptor = ParameterDescriptor(
            description=self.description,
            read_only=self.read_only,
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
    _Row(
        "model",
        "",
        "Model folder (config.json and model.safetensors). Empty: the demo model of this package. "
        "Set while the node runs, it is loaded beside the present one and then takes its place, or "
        "is refused; device and precision alike.",
        read_only=False,
    ),
    _Row(
        "device",
        "auto",
        "Where the network runs: auto, cpu, cuda or cuda:N.",
        read_only=False,
    ),
    _Row(
        "precision",
        "float32",
        "Number format of the network's arithmetic.",
        choices=tuple(PRECISIONS),
        read_only=False,
    ),
    _Row(
        "fallback_to_cpu",
        True,
        "Go on on the CPU, much slower, when the device's memory is out. False: pictures fail.",
        read_only=False,
    ),
    _Row(
        "autostart",
        True,
        "Configure and activate by itself. False: wait for somebody to do it (ros2 lifecycle set, "
        "a lifecycle manager).",
    ),
    _Row(
        "cameras",
        [""],  # ROS has no empty arrays
        "Names of the cameras that share the network. front: from front/image and the camera_info "
        "beside it to ~/front/depth, ~/front/points and so on. The empty name: image, ~/depth.",
    ),
    _Row(
        "image_transport",
        "raw",
        "raw: pictures as sensor_msgs/Image from the topic 'image'. compressed: JPEG or PNG as "
        "sensor_msgs/CompressedImage from the topic below it, 'image/compressed'.",
        choices=TRANSPORTS,
    ),
    _Row(
        "rectify",
        False,
        "Take the lens's distortion, as CameraInfo has it, out of the pictures first. For pictures "
        "that are not rectified already.",
    ),
    _Row(
        "depth_encoding",
        "32FC1",
        "Encoding of ~/depth: 32FC1 (metres, NaN invalid) or 16UC1 (millimetres, 0 invalid).",
        choices=DEPTH_ENCODINGS,
        read_only=False,
    ),
    _Row(
        "scale_by_focal_length",
        True,
        "Multiply depth by the ratio of the camera's focal length to that of the camera the "
        "network was trained with: without that, another lens gives depth off by this ratio.",
        read_only=False,
    ),
    _Row(
        "min_depth",
        0.0,
        "Metres; what is nearer becomes invalid in ~/depth and ~/points. 0: no limit.",
        limits=(0.0, 1000.0),
        read_only=False,
    ),
    _Row(
        "max_depth",
        0.0,
        "Metres; what is farther becomes invalid in ~/depth and ~/points. 0: no limit.",
        limits=(0.0, 1000.0),
        read_only=False,
    ),
    _Row(
        "max_uncertainty",
        0.0,
        "Metres; where ~/uncertainty is larger, ~/depth and ~/points become invalid. 0: no limit.",
        limits=(0.0, 100.0),
        read_only=False,
    ),
    _Row(
        "smoothing",
        0.0,
        "Against flicker: share of the average of the pictures before in depth. 0: off. What "
        "changes more than smoothing_max_change comes through at once.",
        limits=(0.0, 0.99),
        read_only=False,
    ),
    _Row(
        "smoothing_max_change",
        0.1,
        "Largest change of a pixel's depth, relative to the average, that is taken for flicker.",
        limits=(0.001, 10.0),
        read_only=False,
    ),
    _Row(
        "cloud_stride",
        1,
        "~/points has every n-th pixel of every n-th row.",
        limits=(1, 64),
        read_only=False,
    ),
    _Row(
        "cloud_voxel_size",
        0.0,
        "Metres; ~/points has one point, the mean, for each cube of this size, unorganised. "
        "0: organised, one point a pixel.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    _Row(
        "cloud_max_edge_ratio",
        0.0,
        "~/points leaves out pixels whose depth is farther from a neighbouring pixel's than this "
        "share of it (0.05: 5 %): they would float between near and far things. 0: keep them.",
        limits=(0.0, 10.0),
        read_only=False,
    ),
    _Row(
        "cloud_colour",
        True,
        "~/points with colour (x y z rgb, 16 bytes a point) or without (12 bytes).",
        read_only=False,
    ),
)
_ROWS = {row.name: row for row in TABLE}
_OF_THE_MODEL = ("model", "device", "precision")
_BY_ROS = ("use_sim_time", "start_type_description_service")


def declare(node: Node, reload: Callable[[ModelChoice], str | None]) -> None:
    """Declare the table on a node that was made with
    ``automatically_declare_parameters_from_overrides``, and watch later changes.

    That flag shows which names the user gave: one that is in no table is a typing error that ROS
    would ignore in silence, so it is warned about.

    Args:
        node: declares them.
        reload: called when somebody sets model, device or precision, be it to the same value, and
            nothing speaks against the change; says why it can't be, or None.
    Raises:
        ParameterError: a value of the wrong type or outside what is allowed.
    """
    given = _take_back_what_was_given(node)
    unknown = sorted(n for n in given if n not in _ROWS and not n.startswith("qos_overrides."))
    if unknown:
        node.get_logger().warning(
            f"Unknown parameters, ignored: {', '.join(unknown)}. "
            f"There are: {', '.join(_ROWS)}, and qos_overrides."
        )
    for row in TABLE:
        try:
            value = node.declare_parameter(row.name, row.default, row.descriptor()).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ParameterError(f"{row.name}: {error}") from error
        if reason := row.refusal(value):
            raise ParameterError(reason)
    if reason := _contradiction(_values(node)):
        raise ParameterError(reason)
    node.add_on_set_parameters_callback(partial(_check, node, reload))


def model_choice(node: Node) -> ModelChoice:
    """The model that the parameters name, and where and how it runs."""
    return _model_choice(_values(node))


def depth_limits(node: Node) -> DepthLimits:
    """Which depths are valid, as the parameters have it now."""
    return _depth_limits(_values(node))


def cloud_options(node: Node) -> CloudOptions:
    """How the cloud is made, as the parameters have it now."""
    values = _values(node)
    names = ("stride", "voxel_size", "max_edge_ratio", "colour")
    return CloudOptions(**{name: values[f"cloud_{name}"] for name in names})


def _model_choice(values: Mapping[str, Any]) -> ModelChoice:
    folder = Path(values["model"]).expanduser() if values["model"] else DEMO_MODEL
    return ModelChoice(folder, values["device"], values["precision"])


def _depth_limits(values: Mapping[str, Any]) -> DepthLimits:
    names = ("min_depth", "max_depth", "max_uncertainty")
    return DepthLimits(**{name: values[name] for name in names})


def _values(node: Node) -> dict[str, Any]:
    return {name: node.get_parameter(name).value for name in _ROWS}


def _check(
    node: Node, reload: Callable[[ModelChoice], str | None], changes: list[Parameter]
) -> SetParametersResult:
    values = _values(node)
    reason = None
    for change in changes:
        row = _ROWS.get(change.name)
        reason = reason or (row and row.refusal(change.value))
        values[change.name] = change.value
    reason = reason or _contradiction(values)
    if not reason and any(change.name in _OF_THE_MODEL for change in changes):
        reason = reload(_model_choice(values))  # last: a model that is loaded is in use
    return SetParametersResult(successful=not reason, reason=reason or "")


def _contradiction(values: Mapping[str, Any]) -> str | None:
    """Why values that are each allowed can't go together, or None."""
    if reason := _depth_limits(values).contradiction():
        return f"min_depth, max_depth: {reason}"
    if 0 < (size := values["cloud_voxel_size"]) < SMALLEST_VOXEL:
        return f"cloud_voxel_size: expected 0 or at least {SMALLEST_VOXEL} m, found {size:g} m"
    names = values["cameras"]
    if len(set(names)) != len(names) or not all(map(CAMERA_NAME.fullmatch, names)):
        return f"cameras: expected names such as front_2, each once; found {names}"
    return None


def _take_back_what_was_given(node: Node) -> list[str]:
    """Undeclare what the flag declared: without descriptions, and never read-only. A later
    declaration of the same name, here or by a publisher, gets the given value all the same."""
    given = [name for name in node.get_parameters_by_prefix("") if name not in _BY_ROS]
    for name in given:
        node.undeclare_parameter(name)
    return given
