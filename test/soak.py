"""The node under a long, varied load: ``python -m test.soak --minutes 15``.

A camera publishes as fast as it is told to; it dies, comes back and changes its image size;
subscribers come and go; parameters and models change, including to what must be refused. Ends with
status 1 if the node crashed, grew, answered an image that nobody sent, or stopped answering.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter

import numpy as np
import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from demo.messages import picture_message
from demo.processes import ROOT
from moa_depth_ros.machine.report import resident_bytes
from moa_depth_ros.ros.camera_info import camera_info_message
from test.node.domain import use_own_domain
from test.node.harness import CAMERA, COMPRESSED, OUTPUTS, NodeProcess, colourful, header_at

SIZES = ((640, 480), (320, 240), (641, 479), (96, 64))
TYPES = {**OUTPUTS, COMPRESSED: CompressedImage}
EVENT_SECONDS = 0.5
QUIET_SECONDS = 10.0  # without any answer, although there are a camera and a reader
GROWTH = 1.2  # the last quarter's median memory relative to the second quarter's
MODEL = ROOT / "moa_depth_ros" / "models" / "demo"
PARAMETERS = {
    "depth_encoding": ("32FC1", "16UC1", "nonsense"),
    "max_depth": (0.0, 5.0, -1.0),
    "max_uncertainty": (0.0, 0.5),
    "cloud_stride": (1, 4, 1000),
    "cloud_voxel_size": (0.0, 0.1, 1e-6),
    "cloud_colour": (True, False),
    "smoothing": (0.0, 0.5, 2.0),
    "scale_by_focal_length": (True, False),
    "model": (str(MODEL), "/no/folder"),
}


class SoakError(AssertionError):
    """The node did something wrong; the text says what."""


class Soak:
    """One run against a node's process.

    Args:
        process: the node, active.
        rate: images per second.
        seed: for the choice and time of events.
    """

    def __init__(self, process: NodeProcess, rate: float, seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.memory: list[int] = []
        self._process = process
        self._rate = rate
        self._rng = np.random.default_rng(seed)
        self._sent: set[int] = set()
        self._readers: dict[str, object] = {}
        self._pictures = None
        self._size = SIZES[0]
        self._node = rclpy.create_node("soak")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._infos = self._node.create_publisher(CameraInfo, "/soak/camera_info", 1)
        self._client = self._node.create_client(SetParameters, "/moa_depth/set_parameters")
        self._answered = time.monotonic()
        self._events = (self._camera, self._resize, self._reader, self._reader, self._parameter)

    def run(self, seconds: float) -> None:
        """Publish and disturb the node.

        Raises:
            SoakError: what went wrong.
        """
        self._camera()
        self._listen("depth")
        begin = time.monotonic()
        next_picture = next_event = next_look = begin
        while (now := time.monotonic()) < begin + seconds:
            if now >= next_picture:
                next_picture = max(next_picture + 1 / self._rate, now - 1.0)
                self._publish()
            if now >= next_event:
                next_event = now + EVENT_SECONDS
                self._events[self._rng.integers(len(self._events))]()
            if now >= next_look:
                next_look = now + 1.0
                self._look(now)
            self._executor.spin_once(max(0.0, min(next_picture - time.monotonic(), 0.02)))
        self._check_growth()
        if not self.counts["depth"]:
            raise SoakError("no depth came")

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _publish(self) -> None:
        if self._pictures is None:
            return
        stamp = time.time_ns()
        self._sent.add(stamp)
        header = header_at(stamp)
        self._infos.publish(camera_info_message(header, CAMERA.resized(*self._size)))
        picture = colourful(*self._size, seed=self.counts["published"] % 5)
        self._pictures.publish(picture_message(header, picture, "rgb8"))
        self.counts["published"] += 1

    def _camera(self) -> None:
        """The camera dies, or comes back."""
        if self._pictures is None:
            self._pictures = self._node.create_publisher(Image, "/soak/image", QoSProfile(depth=5))
        else:
            self._node.destroy_publisher(self._pictures)
            self._pictures = None
            self.counts["camera deaths"] += 1

    def _resize(self) -> None:
        self._size = SIZES[self._rng.integers(len(SIZES))]
        self.counts["sizes"] += 1

    def _reader(self) -> None:
        """A reader subscribes to an output, or leaves."""
        name = str(self._rng.choice(list(TYPES)))
        if reader := self._readers.pop(name, None):
            self._node.destroy_subscription(reader)
            self.counts["readers left"] += 1
        else:
            self._listen(name)

    def _listen(self, name: str) -> None:
        def hear(msg) -> None:
            stamp = msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
            if stamp not in self._sent:
                raise SoakError(f"{name} with the stamp {stamp}, which no image had")
            self.counts[name] += 1
            self._answered = time.monotonic()

        topic = f"/moa_depth/{name}"
        self._readers[name] = self._node.create_subscription(
            TYPES[name], topic, hear, QoSProfile(depth=2)
        )

    def _parameter(self) -> None:
        name = str(self._rng.choice(list(PARAMETERS)))
        value = PARAMETERS[name][self._rng.integers(len(PARAMETERS[name]))]
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        self._client.call_async(request).add_done_callback(self._on_set)

    def _on_set(self, future) -> None:
        successful = future.result().results[0].successful
        self.counts["parameters set" if successful else "parameters refused"] += 1

    def _look(self, now: float) -> None:
        if (status := self._process.process.poll()) is not None:
            raise SoakError(f"the node ended with status {status}: {self._process.log()}")
        self.memory.append(resident_bytes(self._process.process.pid))
        if self._pictures is None or "depth" not in self._readers:
            self._answered = now
        if now - self._answered > QUIET_SECONDS:
            raise SoakError(f"no answer for {QUIET_SECONDS:.0f} s: {self._process.log()[-2000:]}")

    def _check_growth(self) -> None:
        quarter = len(self.memory) // 4
        early = np.median(self.memory[quarter : 2 * quarter])
        late = np.median(self.memory[-quarter:])
        if late > GROWTH * early:
            raise SoakError(f"memory grew from {early / 2**20:.0f} to {late / 2**20:.0f} MiB")


def soak(seconds: float, rate: float) -> str:
    """Start a node, disturb it, end it. Returns what happened, for people.

    Raises:
        SoakError: what went wrong.
    """
    with NodeProcess(MODEL, "-r", "image:=/soak/image") as process:
        run = Soak(process, rate)
        try:
            run.run(seconds)
        finally:
            run.close()
        status, end_seconds = process.end(signal.SIGTERM)
        if status or "Traceback" in process.log():
            raise SoakError(f"ended with status {status}: {process.log()}")
    memory = [f"{megabytes:.0f}" for megabytes in np.quantile(run.memory, (0, 0.5, 1)) / 2**20]
    counts = ", ".join(f"{what} {count}" for what, count in sorted(run.counts.items()))
    return (
        f"{seconds:.0f} s at {rate:g} Hz: {counts}; memory least, median, most "
        f"{', '.join(memory)} MiB; SIGTERM ended it in {end_seconds:.2f} s"
    )


def main() -> int:
    """Returns 0, or 1 after a line that says what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=30.0, help="images per second")
    options = parser.parse_args()
    use_own_domain()
    rclpy.init()
    try:
        print(soak(60 * options.minutes, options.rate))
    except SoakError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
