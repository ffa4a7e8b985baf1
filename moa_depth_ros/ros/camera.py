"""One of the node's cameras: its topics, its counts, and what is said about it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from moa_depth_ros.ros.diagnostics import Statistics
from moa_depth_ros.ros.inputs import Inputs
from moa_depth_ros.ros.outputs import Outputs

REPEAT_SECONDS = 2.0  # the same complaint at most this often


class Camera:
    """Topics, counts and complaints of one camera, for as long as the node lives.

    Args:
        node: that has the topics.
        name: that they are below; may be empty.
        group: that the callbacks of pictures run in.

    Attributes:
        outputs: None while the node is unconfigured.
        info: the newest CameraInfo, if one came; many cameras send it once.
        logger: the node's; of a camera with a name a child of it, so that what one camera repeats
            too often to be logged silences no other.
    """

    def __init__(self, node: Node, name: str, group: CallbackGroup) -> None:
        self.name = name
        self.statistics = Statistics()
        self.inputs = Inputs(node, name, group)
        self.outputs: Outputs | None = None
        self.info: CameraInfo | None = None
        self.logger = node.get_logger().get_child(name) if name else node.get_logger()
        # With the namespace, so that the cameras of several nodes can be told apart.
        self._full_name = posixpath.join(node.get_fully_qualified_name(), name).strip("/")

    def refuse(self, text: str) -> None:
        """Count a picture that can't be used, and say why."""
        self.statistics.count("refused")
        self.complain(text)

    def complain(self, text: str) -> None:
        """Say what is wrong, in the log and in the diagnostics."""
        self.statistics.error(text)
        self.logger.warning(text, throttle_duration_sec=REPEAT_SECONDS)

    def fail(self, error: Exception) -> None:
        """Count a picture whose processing raised an error, and say which."""
        text = f"{type(error).__name__}: {error}"
        self.statistics.count("failed")
        self.statistics.error(text)
        self.logger.error(f"A picture failed: {text}", throttle_duration_sec=REPEAT_SECONDS)

    def status(self, facts: Mapping[str, str], active: bool, notice: str) -> DiagnosticStatus:
        """The state since the last call, as `Statistics.status` has it."""
        status = self.statistics.status(
            f"{self._full_name}: depth estimation", facts, active=active, notice=notice
        )
        status.hardware_id = facts["device"]
        return status
