"""Declares the parameters of `parameter_table`, checks every change to them, and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from moa_depth_ros.depth.cloud import SMALLEST_VOXEL, CloudOptions
from moa_depth_ros.depth.filters import DepthLimits
from moa_depth_ros.estimator import DEMO_MODEL
from moa_depth_ros.estimator.estimator_slot import ModelChoice
from moa_depth_ros.ros.parameter_table import TABLE

CAMERA_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?")  # a part of a topic's name, or none


class ParameterError(ValueError):
    """A parameter value the node can't start with; the text says which, and what is allowed."""


Reload = Callable[[ModelChoice, bool], str | None]
_ROWS = {row.name: row for row in TABLE}
_OF_THE_MODEL = ("model", "device", "precision")
_OF_THE_CLOUD = ("stride", "voxel_size", "colour")
_BY_ROS = ("use_sim_time", "start_type_description_service")


def declare(node: Node, reload: Reload) -> list[str]:
    """Declare the table on a node that was made with
    ``automatically_declare_parameters_from_overrides``, and watch later changes.

    That flag shows which names the user gave. A name that is not in the table is a typo, which ROS
    would ignore silently, so the node warns about it.

    Args:
        node: declares them.
        reload: called when a change of model, device or precision has been found valid; returns why
            it is refused, or None. Its second argument is True if the model must be read again:
            ``model`` was set, even to the same folder, or device or precision changed.
    Returns:
        The QoS overrides that the user gave: publishers and subscriptions declare their own.
    Raises:
        ParameterError: a value of the wrong type, or one that is not allowed.
    """
    given = _take_back_what_was_given(node)
    overrides = [name for name in given if name.startswith("qos_overrides.")]
    unknown = sorted(name for name in given if name not in _ROWS and name not in overrides)
    if unknown:
        node.get_logger().warning(
            f"Unknown parameters, ignored: {', '.join(unknown)}. "
            f"Known: {', '.join(_ROWS)}, and qos_overrides."
        )
    for row in TABLE:
        try:
            value: Any = node.declare_parameter(row.name, row.default, row.descriptor()).value
        # ValueError: for an empty list
        except (InvalidParameterTypeException, InvalidParameterValueException, ValueError) as error:
            raise ParameterError(f"{row.name}: {error}") from error
        if reason := row.refusal(value):
            raise ParameterError(reason)
    if reason := _contradiction(_values(node)):
        raise ParameterError(reason)
    node.add_on_set_parameters_callback(partial(_check, node, reload))
    return overrides


def model_choice(node: Node) -> ModelChoice:
    """The model that the parameters name, and the device and precision it runs in."""
    return _model_choice(_values(node))


def depth_limits(node: Node) -> DepthLimits:
    """The current limits of valid depth."""
    return _depth_limits(_values(node))


def cloud_options(node: Node) -> CloudOptions:
    """The current options of the cloud."""
    values = _values(node)
    return CloudOptions(**{name: values[f"cloud_{name}"] for name in _OF_THE_CLOUD})


def _model_choice(values: Mapping[str, Any]) -> ModelChoice:
    folder = Path(values["model"]).expanduser() if values["model"] else DEMO_MODEL
    return ModelChoice(folder, values["device"], values["precision"])


def _depth_limits(values: Mapping[str, Any]) -> DepthLimits:
    names = ("min_depth", "max_depth", "max_uncertainty")
    return DepthLimits(**{name: values[name] for name in names})


def _values(node: Node) -> dict[str, Any]:
    return {name: node.get_parameter(name).value for name in _ROWS}


def _check(node: Node, reload: Reload, changes: list[Parameter]) -> SetParametersResult:
    values = _values(node)
    before = [values[name] for name in _OF_THE_MODEL]
    reason = None
    for change in changes:
        row = _ROWS.get(change.name)
        reason = reason or (row and row.refusal(change.value))
        values[change.name] = change.value
    reason = reason or _contradiction(values)
    names = {change.name for change in changes}
    if not reason and not names.isdisjoint(_OF_THE_MODEL):
        asked = "model" in names or before != [values[name] for name in _OF_THE_MODEL]
        try:
            reason = reload(_model_choice(values), asked)  # last, as a loaded model is used at once
        except RuntimeError as error:  # ~user, who has no home folder
            reason = f"model: {error}"
    return SetParametersResult(successful=not reason, reason=reason or "")


def _contradiction(values: Mapping[str, Any]) -> str | None:
    """Why values that are each allowed contradict each other, or None."""
    if reason := _depth_limits(values).contradiction():
        return f"min_depth, max_depth: {reason}"
    if 0 < (size := values["cloud_voxel_size"]) < SMALLEST_VOXEL:
        return f"cloud_voxel_size: expected 0 or at least {SMALLEST_VOXEL} m, found {size:g} m"
    names = values["cameras"]
    if len(set(names)) != len(names) or not all(map(CAMERA_NAME.fullmatch, names)):
        return f"cameras: expected names such as front_2, each once; found {names}"
    return None


def _take_back_what_was_given(node: Node) -> list[str]:
    """Undeclare what the flag declared, because it has no descriptions and is never read-only. A
    later declaration of the same name, here or by a publisher, still gets the given value."""
    given = [name for name in node.get_parameters_by_prefix("") if name not in _BY_ROS]
    for name in given:
        node.undeclare_parameter(name)
    return given
