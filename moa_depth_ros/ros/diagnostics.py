"""Counts a camera's images and their durations, and reports them as a DiagnosticArray."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from moa_depth_ros.machine.report import resident_bytes

WINDOW = 200  # images that the latencies are computed over
# Most drivers send a CameraInfo with each image, some a single one for all. This many images
# without one are no coincidence, nor are this many CameraInfos; nor is a pause this many times as
# long as usual.
MISSED_CAMERA_INFOS = 30
LONG_PAUSE = 3
RECENT_GAPS = 30  # between images; their median is the usual one
SHORTEST_SILENCE = 2.0  # seconds without an image that are reported, whatever the rate
STUCK_SECONDS = 15.0  # of images without any result; a model that warms up takes some of them

# What can become of an image. The number of images that arrived is the sum of these, and of the one
# or two that are waiting or being processed.
OUTCOMES = ("out", "dropped", "refused", "failed", "unheard")
STAGES = ("waiting", "reading", "network", "cloud", "publishing")


class Laps:
    """Where one image's time went.

    Args:
        received: when it arrived, in seconds of ``time.perf_counter``.

    Attributes:
        seconds: by the stages that it went through: waiting (for the worker, for its CameraInfo),
            reading (decoding, rectifying), network (including the copy to the device), cloud
            (making the message, including its copy from the device), publishing (the other
            messages, including their copies).
    """

    def __init__(self, received: float) -> None:
        self.seconds: dict[str, float] = {}
        self._last = received

    def end(self, stage: str) -> None:
        """Add the time since the last call to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


class Statistics:
    """Counters and sliding windows; called from the executor's and the worker's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        stages = (*STAGES, "total", "since stamp")
        self._windows: dict[str, deque[float]] = {s: deque(maxlen=WINDOW) for s in stages}
        self._together: deque[int] = deque(maxlen=WINDOW)
        self._before: Counter[str] = Counter()
        self._camera_infos = self._pictures = self._since_camera_info = 0
        self._reported = time.monotonic()
        self._last_picture = self._reported
        self._gaps: deque[float] = deque(maxlen=RECENT_GAPS)
        self._unanswered_since: float | None = None  # when the first image without result arrived
        self._unheard = False  # whether the last image was
        self._last_error = ""
        self._warning = ""  # of the current period
        self._failure = ""
        self._trouble: tuple[bytes, str] | None = None  # with the last images

    def count(self, what: str) -> None:
        """One more image "in", one more "camera_info", or one more of OUTCOMES."""
        with self._lock:
            self._counts[what] += 1
            if what == "camera_info":
                self._camera_infos += 1
                self._since_camera_info = 0
            elif what in OUTCOMES and what != "dropped":
                self._unanswered_since = None
                self._unheard = what == "unheard"
            elif what == "in":
                now = time.monotonic()
                if self._pictures:
                    self._gaps.append(now - self._last_picture)
                self._last_picture = now
                self._unanswered_since = self._unanswered_since or now
                self._pictures += 1
                self._since_camera_info += 1

    def subscribed(self) -> None:
        """Restart measuring how often CameraInfo arrives, and for how long no image has."""
        with self._lock:
            self._last_picture, self._unanswered_since = time.monotonic(), None
            self._gaps.clear()
            self._trouble, self._unheard = None, False
            self._camera_infos = self._pictures = self._since_camera_info = 0

    def is_silent(self, least: float) -> bool:
        """Whether no image has arrived for this many seconds, and for longer than usual."""
        with self._lock:
            return self._is_silent(least)

    def took(self, seconds: Mapping[str, float], age: float, together: int) -> None:
        """How long one image took.

        Args:
            seconds: by stage; their sum is the time from its reception to its last output.
            age: seconds from the image's stamp to its last output; meaningful only if the camera
                and the node use the same clock.
            together: images, including this one, that went through the network in one run.
        """
        with self._lock:
            for stage, duration in seconds.items():
                self._windows[stage].append(duration * 1e3)
            self._windows["total"].append(sum(seconds.values()) * 1e3)
            self._windows["since stamp"].append(age * 1e3)
            self._together.append(together)

    def error(self, text: str) -> None:
        """Keep the last error for good, and as this period's warning."""
        with self._lock:
            self._last_error = self._warning = text

    def failed(self, text: str) -> None:
        """One more image "failed", and why."""
        with self._lock:
            self._counts["failed"] += 1
            self._unanswered_since = None
            self._last_error = self._failure = text

    def status(
        self,
        name: str,
        facts: Mapping[str, str],
        active: bool = True,
        notice: str = "",
        failure: str = "",
    ) -> DiagnosticStatus:
        """The state since the last call, or since the last image if none has arrived.

        ERROR: images failed (the device, the network), there are no results any more, or there is a
        failure. WARN: images were refused, an output was missing, no image arrived, CameraInfo
        never arrived or has stopped, or there is a notice. OK otherwise, also if the node is not
        active.

        Args:
            name: of the status.
            facts: further values, such as device and model.
            active: whether the node is; if not, no image is missed.
            notice: what is currently not as it should be, if anything.
            failure: why the node could not be configured or activated, if so.
        """
        with self._lock:
            recent = self._counts - self._before
            self._before = self._counts.copy()
            seconds, self._reported = time.monotonic() - self._reported, time.monotonic()
            level, message = self._verdict(recent, active, notice, failure)
            self._warning = ""
            values = {**self._rates(recent, seconds), **self._values()}
        pairs = [KeyValue(key=key, value=value) for key, value in {**values, **facts}.items()]
        return DiagnosticStatus(level=level, name=name, message=message, values=pairs)

    def _verdict(
        self, recent: Counter[str], active: bool, notice: str, failure: str
    ) -> tuple[bytes, str]:
        if failure:
            return DiagnosticStatus.ERROR, failure
        if trouble := self._trouble_with_pictures(recent, active):
            return trouble
        if notice:
            return DiagnosticStatus.WARN, notice
        if not active:
            return DiagnosticStatus.OK, "Not active."
        if missing := self._missing_camera_info(recent):
            return DiagnosticStatus.WARN, missing
        text = "Images arrive, but no output has a subscriber." if self._unheard else "Running."
        return DiagnosticStatus.OK, text

    def _trouble_with_pictures(
        self, recent: Counter[str], active: bool
    ) -> tuple[bytes, str] | None:
        """What is wrong with the last images, which holds until the next ones."""
        silent = self._is_silent(SHORTEST_SILENCE)
        if recent["failed"]:
            self._trouble = DiagnosticStatus.ERROR, self._failure
            return self._trouble
        stuck = time.monotonic() - (self._unanswered_since or time.monotonic())
        if active and not silent and stuck > STUCK_SECONDS:
            text = f"Images arrive, but there has been no result for {stuck:.0f} s."
            return DiagnosticStatus.ERROR, text
        if self._warning:
            self._trouble = DiagnosticStatus.WARN, self._warning
            return self._trouble
        if active and silent:
            return DiagnosticStatus.WARN, "No images arrive."
        if not active or any(recent[what] for what in OUTCOMES if what != "dropped"):
            self._trouble = None
        return self._trouble

    def _missing_camera_info(self, recent: Counter[str]) -> str:
        # One from before the node was last activated stays in use.
        if self._since_camera_info >= MISSED_CAMERA_INFOS and not self._counts["camera_info"]:
            return "No CameraInfo arrives."
        if not recent["camera_info"] and self._camera_info_stopped():
            stopped = f"CameraInfo stopped {self._since_camera_info} images ago"
            return f"{stopped}; the last one stays in use."
        return ""

    def _is_silent(self, least: float) -> bool:
        """Also for longer than the camera's usual time between images."""
        usual = LONG_PAUSE * float(np.median(self._gaps)) if self._gaps else 0.0
        return time.monotonic() - self._last_picture > max(least, usual)

    def _camera_info_stopped(self) -> bool:
        if min(self._since_camera_info, self._camera_infos) < MISSED_CAMERA_INFOS:
            return False  # or it is one for all images
        return self._since_camera_info > LONG_PAUSE * self._pictures / self._camera_infos

    def _rates(self, recent: Counter[str], seconds: float) -> dict[str, str]:
        rates = {what: recent[what] / max(seconds, 1e-9) for what in ("in", "out", "camera_info")}
        return {f"rate {what} (Hz)": f"{rate:.2f}" for what, rate in rates.items()}

    def _values(self) -> dict[str, str]:
        values = {f"frames {what}": str(self._counts[what]) for what in ("in", *OUTCOMES)}
        for stage, window in self._windows.items():
            median, p95 = np.percentile(window, (50, 95)) if window else (np.nan, np.nan)
            values[f"{stage} median (ms)"] = f"{median:.2f}"
            values[f"{stage} p95 (ms)"] = f"{p95:.2f}"
        together = np.mean(self._together) if self._together else np.nan
        values["pictures a run"] = f"{together:.2f}"
        values["memory of the process (MiB)"] = f"{resident_bytes() / 2**20:.0f}"
        values["last error"] = self._last_error
        return values


def diagnostic_array(stamp, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """The message for ``/diagnostics``, stamped with the time of the report."""
    msg = DiagnosticArray(status=statuses)
    msg.header.stamp = stamp
    return msg
