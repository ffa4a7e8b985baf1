"""Which CameraInfo belongs to an image. Independent of topics."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TypeVar

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

RECENT = 30  # CameraInfos and image stamps that are kept: a slow network's image is this old
# Many drivers publish an image first, while its CameraInfo is still on its way.
PAIR_SECONDS = 0.02
FIRST_SECONDS = 0.1
FIRST_PICTURES = 3  # images that wait for the very first CameraInfo

Stamp = tuple[int, int]
Value = TypeVar("Value")


class InfoHistory:
    """A camera's CameraInfos: for an image, the one with its stamp if there is one, else the
    newest. Called from the executor's and the worker's thread.

    A camera whose CameraInfo once had the stamp of an image, and arrived in time for it, is
    expected to send one for each. They may differ: a driver that moves or resizes its region of
    interest changes them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._recent: OrderedDict[Stamp, CameraInfo] = OrderedDict()
        self._asked: OrderedDict[Stamp, float] = OrderedDict()  # when, by stamp
        self._newest: CameraInfo | None = None
        self._in_pairs = False
        self._waits = FIRST_PICTURES

    def add(self, info: CameraInfo) -> None:
        """Add one, which is the newest from now on."""
        stamp = _stamp(info.header)
        with self._changed:
            self._newest = info
            _remember(self._recent, stamp, info)
            # One that arrives after the wait for it is of no use to its image.
            asked = self._asked.get(stamp)
            soon = asked is not None and time.monotonic() - asked <= PAIR_SECONDS
            self._in_pairs = self._in_pairs or soon
            self._changed.notify_all()

    def of(self, picture: Header) -> CameraInfo | None:
        """The one for an image; None if none ever arrived. Waits a moment for one still to come."""
        stamp = _stamp(picture)
        with self._changed:
            _remember(self._asked, stamp, time.monotonic())
            if self._newest is None and self._waits:
                self._waits -= 1
                self._changed.wait_for(lambda: self._newest is not None, FIRST_SECONDS)
            elif self._in_pairs:
                # After one wait in vain, none until there is a pair: the camera may have stopped.
                self._in_pairs = self._changed.wait_for(lambda: stamp in self._recent, PAIR_SECONDS)
            self._in_pairs = self._in_pairs or stamp in self._recent
            return self._recent.get(stamp, self._newest)


def _remember(recent: OrderedDict[Stamp, Value], stamp: Stamp, value: Value) -> None:
    recent[stamp] = value
    recent.move_to_end(stamp)
    if len(recent) > RECENT:
        recent.popitem(last=False)


def _stamp(header: Header) -> Stamp:
    return header.stamp.sec, header.stamp.nanosec
