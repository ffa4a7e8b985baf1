"""A clean end on SIGINT and SIGTERM, however often they come."""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType
from typing import Literal

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndSignals:
    """Installs handlers that ask for the end instead of raising in the middle of something.

    A launched node gets SIGINT twice: from the terminal and from the launch system. rclpy's own
    handlers raise KeyboardInterrupt each time, the second one in the middle of tidying up. Here the
    first signal counts and the others are ignored, also while the interpreter shuts down.

    Attributes:
        asked: a signal came.
        phase: as given; set "running" where ``asked`` is looked at from now on. A signal before
            that ends the process with status 0: while "importing" at once, as an exception would
            come out somewhere in a module, which may catch it, or be imported a second time, which
            NumPy does not survive; while "starting" by SystemExit.
    """

    def __init__(self, phase: Literal["importing", "starting", "running"] = "starting") -> None:
        self.asked = False
        self.phase = phase
        for number in END_SIGNALS:
            signal.signal(number, self._on_signal)
        # At its end, the interpreter gives up the handlers: a signal would kill the process. Not in
        # the handler: Python complains of a signal that came together with this one.
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
