"""A clean exit on SIGINT and SIGTERM, however often they come."""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType
from typing import Literal

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndSignals:
    """Installs handlers that request the end instead of raising in the middle of something.

    A launched node gets SIGINT twice: from the terminal and from the launch system. rclpy's own
    handlers raise KeyboardInterrupt each time, the second one during cleanup. Here, the first
    signal counts and the others are ignored, even while the interpreter shuts down.

    Attributes:
        asked: whether a signal came.
        phase: as given; set "running" once ``asked`` is checked regularly. A signal before that
            ends the process with status 0: while "importing" at once, because an exception would
            surface in some module, which may catch it, or be imported a second time, which NumPy
            does not survive; while "starting" by SystemExit.
    """

    def __init__(self, phase: Literal["importing", "starting", "running"] = "starting") -> None:
        self.asked = False
        self.phase = phase
        for number in END_SIGNALS:
            signal.signal(number, self._on_signal)
        # At exit, the interpreter drops the handlers: a signal would kill the process. Not in the
        # handler: Python complains about a signal that came together with this one.
        atexit.register(_ignore)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            return
        self.asked = True
        if self.phase == "importing":
            os._exit(0)
        if self.phase == "starting":
            raise SystemExit(0)


def _ignore() -> None:
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
