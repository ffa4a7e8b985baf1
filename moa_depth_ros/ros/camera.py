"""One of the node's cameras: its topics, its counters, and its messages to the user."""

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

REPEAT_SECONDS = 2.0  # a kind of complaint is logged at most this often
SILENT_SECONDS = 5.0  # the shortest time without an image that is logged
_PARTICULARS = re.compile(r"'.*'|\d+")  # what differs between complaints of one kind


class Camera:
    """Topics, counts and complaints of one camera, for as long as the node lives.

    Args:
        node: the node that has the topics.
        name: the namespace of the topics; may be empty.
        group: callback group of the image callbacks.

    Attributes:
        outputs: None while the node is unconfigured.
        infos: its CameraInfo messages; many cameras send only one.
        logger: the node's, or a child of it if the camera has a name, so that what one camera
            repeats too often to be logged does not silence another one.
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
        """Count an image that can't be used, and say why."""
        self.statistics.count("refused")
        self.complain(text)

    def complain(self, text: str) -> None:
        """Say what is wrong, in the log and in the diagnostics."""
        self.statistics.error(text)
        if self._is_due(text):
            self.logger.warning(text)

    def tell(self, text: str) -> bool:
        """Say what was done, only in the log; False if the like was logged a moment ago."""
        due = self._is_due(text)
        if due:
            self.logger.info(text)
        return due

    def fail(self, error: Exception) -> None:
        """Count an image whose processing raised an error, and log that error."""
        text = f"{type(error).__name__}: {error}"
        self.statistics.failed(text)
        if self._is_due(text):
            self.logger.error(f"Processing an image failed: {text}")

    def watch_for_silence(self) -> None:
        """Log once per silence that no images arrive, and the likely reason."""
        silent = self.statistics.is_silent(SILENT_SECONDS)
        if silent and not self._told_of_silence:
            reason = self.inputs.why_silent()
            self.logger.warning(f"No images arrive: {reason}")
        self._told_of_silence = silent

    def _is_due(self, text: str) -> bool:
        """Whether nothing of this kind was logged lately. rclpy's own throttle works per line of
        code, so a message that comes with every image would silence all others."""
        kind, now = _PARTICULARS.sub("", text), time.monotonic()
        with self._lock:
            self._logged = {k: t for k, t in self._logged.items() if now - t < REPEAT_SECONDS}
            return self._logged.setdefault(kind, now) == now

    def status(
        self, facts: Mapping[str, str], active: bool, notice: str, failure: str
    ) -> DiagnosticStatus:
        """The state since the last call; see `Statistics.status`."""
        name = f"{self._full_name}: depth estimation"
        status = self.statistics.status(name, facts, active, notice, failure)
        status.hardware_id = facts["device"]
        return status
