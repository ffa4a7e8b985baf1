"""A clean end on SIGINT and SIGTERM, however often they come."""

from __future__ import annotations

import os
import signal
from types import FrameType

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndSignals:
    """Installs handlers that ask for the end instead of raising in the middle of something.

    A launched node gets SIGINT twice: from the terminal and from the launch system. rclpy's own
    handlers raise KeyboardInterrupt each time, the second one in the middle of tidying up. Here the
    first signal counts and the others are ignored, also while the interpreter shuts down.

    Attributes:
        asked: a signal came.
        importing: as given, while modules are still being imported: a signal then ends the process
            at once with status 0. An exception would come out somewhere in such a module, which may
            catch it, or be imported a second time, which NumPy does not survive.
        starting: True at first; while it is True, a signal ends the process at once with status 0:
            loading may take long and leaves nothing to tidy up. Set it False before spinning.
    """

    def __init__(self, importing: bool = False) -> None:
        self.asked = False
        self.importing = importing
        self.starting = True
        for number in END_SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        for other in END_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        self.asked = True
        if self.importing:
            os._exit(0)
        if self.starting:
            raise SystemExit(0)
