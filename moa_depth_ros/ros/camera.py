"""One of the node's cameras: its topics, its counts, and what is said about it."""

from __future__ import annotations

import posixpath
import re
import threading
import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from moa_depth_ros.ros.diagnostics import Statistics
from moa_depth_ros.ros.info_history import InfoHistory
from moa_depth_ros.ros.inputs import Inputs
from moa_depth_ros.ros.outputs import Outputs

REPEAT_SECONDS = 2.0  # the same complaint at most this often
SILENT_SECONDS = 5.0  # without a picture, the least after which the log says so
_PARTICULARS = re.compile(r"'.*'|\d+")  # in which complaints of one kind differ


class Camera:
    """Topics, counts and complaints of one camera, for as long as the node lives.

    Args:
        node: that has the topics.
        name: that they are below; may be empty.
        group: that the callbacks of pictures run in.

    Attributes:
        outputs: None while the node is unconfigured.
        infos: its CameraInfos; many cameras send one once.
        logger: the node's; of a camera with a name a child of it, so that what one camera repeats
            too often to be logged silences no other.
    """

    def __init__(self, node: Node, name: str, group: CallbackGroup) -> None:
        self.name = name
        self.statistics = Statistics()
        self.inputs = Inputs(node, name, group)
        self.outputs: Outputs | None = None
        self.infos = InfoHistory()
        self.logger = node.get_logger().get_child(name) if name else node.get_logger()
        # With the namespace, so that the cameras of several nodes can be told apart.
        self._full_name = posixpath.join(node.get_fully_qualified_name(), name).strip("/")
        self._lock = threading.Lock()  # complaints come from the worker's thread, too
        self._logged: dict[str, float] = {}
        self._told_of_silence = False

    def refuse(self, text: str) -> None:
        """Count a picture that can't be used, and say why."""
        self.statistics.count("refused")
        self.complain(text)

    def complain(self, text: str) -> None:
        """Say what is wrong, in the log and in the diagnostics."""
        self.statistics.error(text)
        if self._is_due(text):
            self.logger.warning(text)

    def tell(self, text: str) -> bool:
        """Say what was done, in the log alone; False if the like was said a moment ago."""
        due = self._is_due(text)
        if due:
            self.logger.info(text)
        return due

    def fail(self, error: Exception) -> None:
        """Count a picture whose processing raised an error, and say which."""
        text = f"{type(error).__name__}: {error}"
        self.statistics.failed(text)
        if self._is_due(text):
            self.logger.error(f"A picture failed: {text}")

    def watch_for_silence(self) -> None:
        """Say once, until pictures come again, that none do and what may be the reason."""
        silent = self.statistics.is_silent(SILENT_SECONDS)
        if silent and not self._told_of_silence:
            reason = self.inputs.why_silent()
            self.logger.warning(f"No picture arrives: {reason}")
        self._told_of_silence = silent

    def _is_due(self, text: str) -> bool:
        """Whether nothing of this kind was logged lately. rclpy's own throttle goes by the line of
        code, where what comes with every picture would silence all else."""
        kind, now = _PARTICULARS.sub("", text), time.monotonic()
        with self._lock:
            self._logged = {k: t for k, t in self._logged.items() if now - t < REPEAT_SECONDS}
            return self._logged.setdefault(kind, now) == now

    def status(
        self, facts: Mapping[str, str], active: bool, notice: str, failure: str
    ) -> DiagnosticStatus:
        """The state since the last call, as `Statistics.status` has it."""
        name = f"{self._full_name}: depth estimation"
        status = self.statistics.status(name, facts, active, notice, failure)
        status.hardware_id = facts["device"]
        return status
