"""Which CameraInfo belongs to a picture. No topics in it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

RECENT = 30  # CameraInfos, and pictures, that are remembered: a slow network's picture is as old
# Many drivers publish a picture first, then its CameraInfo: it is on its way.
PAIR_SECONDS = 0.02
FIRST_SECONDS = 0.1
FIRST_PICTURES = 3  # that wait for the very first CameraInfo


class CameraInfos:
    """A camera's CameraInfos: of one stamp with the picture where the camera has such, else the
    newest. Called from the executor's and the worker's thread.

    A camera whose CameraInfo once had the stamp of a picture has one for each. It may be another
    one each time: a driver that moves or resizes its region of interest changes it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._recent: OrderedDict[tuple[int, int], CameraInfo] = OrderedDict()
        self._asked: deque[tuple[int, int]] = deque(maxlen=RECENT)
        self._newest: CameraInfo | None = None
        self._in_pairs = False
        self._waits = FIRST_PICTURES

    def add(self, info: CameraInfo) -> None:
        """One more, which counts from now on."""
        stamp = _stamp(info.header)
        with self._changed:
            self._newest = self._recent[stamp] = info
            self._recent.move_to_end(stamp)
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
            self._in_pairs = self._in_pairs or stamp in self._asked
            self._changed.notify_all()

    def of(self, picture: Header) -> CameraInfo | None:
        """The one for a picture; None if none ever came. Waits a moment for one that is to come."""
        stamp = _stamp(picture)
        with self._changed:
            self._asked.append(stamp)
            if self._newest is None and self._waits:
                self._waits -= 1
                self._changed.wait_for(lambda: self._newest is not None, FIRST_SECONDS)
            elif self._in_pairs:
                # Once in vain until there is a pair again: the camera may have stopped.
                self._in_pairs = self._changed.wait_for(lambda: stamp in self._recent, PAIR_SECONDS)
            self._in_pairs = self._in_pairs or stamp in self._recent
            return self._recent.get(stamp, self._newest)


def _stamp(header: Header) -> tuple[int, int]:
    return header.stamp.sec, header.stamp.nanosec
