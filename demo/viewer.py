"""The demo's viewer: receives the node's outputs, evaluates them, and writes files to look at."""

from __future__ import annotations

import argparse
import json
import sys
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from sensor_msgs.msg import Image, PointCloud2

from demo.messages import read_cloud, read_colour, read_depth
from moa_depth_ros.command_line import a_path
from moa_depth_ros.machine.whole_file import whole_file
from moa_depth_ros.pictures.drawing import write_panel
from moa_depth_ros.pictures.ply import write_ply
from moa_depth_ros.ros.signals import EndSignals

ROWS = 4  # of the panel
REMEMBERED = 30  # frames whose parts may still arrive
TRUTH_RANGE = (1e-3, 10.0)  # metres


@dataclass
class Parts:
    """What has arrived of one frame, that is, with one stamp."""

    colour: np.ndarray | None = None
    truth: np.ndarray | None = None
    depth: np.ndarray | None = None


@dataclass
class Tally:
    """The viewer's counts: reception latencies in seconds, errors by frame."""

    depth_latency: list[float] = field(default_factory=list)
    cloud_latency: list[float] = field(default_factory=list)
    errors: list[dict[str, float]] = field(default_factory=list)
    node: dict[str, str] = field(default_factory=dict)


class Viewer(Node):
    """Matches images, true depth and the node's depth by their stamps.

    Args:
        seconds: the least time between frames that are kept for the panel.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("viewer")
        self.tally = Tally()
        self.rows: list[Parts] = []
        self.cloud: PointCloud2 | None = None
        self._seconds_between = seconds
        self._kept_at = float("-inf")
        self._frames: OrderedDict[int, Parts] = OrderedDict()
        self._hears_camera = False
        qos = QoSProfile(depth=5)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos)
        self.create_subscription(PointCloud2, "/moa_depth/points", self._on_cloud, qos)
        self.create_subscription(Image, "/moa_depth/depth", self._on_depth, qos)
        self.create_subscription(Image, "/camera/depth_truth", self._on_truth, qos)

    def hear_camera(self) -> None:
        """Subscribe to the camera's images, once the node is there: this starts the camera."""
        if not self._hears_camera and self.count_publishers("/moa_depth/depth"):
            qos = QoSProfile(depth=5)
            self.create_subscription(Image, "/camera/image_raw", self._on_picture, qos)
            self._hears_camera = True

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name.startswith("moa_depth"):
                self.tally.node = {pair.key: pair.value for pair in status.values}

    def _on_picture(self, msg: Image) -> None:
        self._frame(msg).colour = read_colour(msg)

    def _on_truth(self, msg: Image) -> None:
        self._frame(msg).truth = read_depth(msg)

    def _on_depth(self, msg: Image) -> None:
        self.tally.depth_latency.append(self._age(msg))
        self._frame(msg).depth = read_depth(msg)

    def _on_cloud(self, msg: PointCloud2) -> None:
        self.tally.cloud_latency.append(self._age(msg))
        self.cloud = msg

    def _age(self, msg: Image | PointCloud2) -> float:
        return (self.get_clock().now() - Time.from_msg(msg.header.stamp)).nanoseconds * 1e-9

    def _frame(self, msg: Image) -> Parts:
        stamp = Time.from_msg(msg.header.stamp).nanoseconds
        parts = self._frames.setdefault(stamp, Parts())
        if len(self._frames) > REMEMBERED:
            self._judge(*self._frames.popitem(last=False))
        return parts

    def finish(self) -> None:
        """Evaluate the frames that were still waiting for parts."""
        while self._frames:
            self._judge(*self._frames.popitem(last=False))

    def _judge(self, stamp: int, parts: Parts) -> None:
        if parts.depth is None:
            return
        if parts.truth is not None:
            self.tally.errors.append(errors(parts.depth, parts.truth))
        if self._is_worth_a_row(stamp, parts):
            self._kept_at = stamp
            self.rows.append(parts)

    def _is_worth_a_row(self, stamp: int, parts: Parts) -> bool:
        """Whether it shows another place than the rows so far: a short film repeats itself."""
        if parts.colour is None or len(self.rows) == ROWS:
            return False
        if (stamp - self._kept_at) * 1e-9 < self._seconds_between:
            return False
        kept = (row.colour for row in self.rows if row.colour is not None)
        return not any(np.array_equal(parts.colour, colour) for colour in kept)


def errors(depth: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """AbsRel, delta1 and RMSE (metres) of one frame, over the pixels that have a true depth between
    1 mm and 10 m and a depth: a NaN from the node is a statement, not an error. No crop, no
    scaling.

    With NumPy, not `training.metrics`, which imports PyTorch: seconds before the first image.
    """
    valid = (truth > TRUTH_RANGE[0]) & (truth < TRUTH_RANGE[1]) & np.isfinite(depth)
    d, t = depth[valid].astype(np.float64), truth[valid].astype(np.float64)
    if not d.size:
        return {"abs_rel": np.nan, "delta1": np.nan, "rmse": np.nan}
    return {
        "abs_rel": float(np.mean(np.abs(d - t) / t)),
        "delta1": float(np.mean(np.maximum(d / t, t / d) < 1.25)),
        "rmse": float(np.sqrt(np.mean((d - t) ** 2))),
    }


def write_files(viewer: Viewer, folder: Path) -> None:
    """``depth.png``: colour, depth, truth of a few frames; ``cloud.ply``: the last cloud."""
    rows = []
    for parts in viewer.rows:
        titles = ("camera", "/moa_depth/depth", "ground truth")
        arrived = zip(titles, (parts.colour, parts.depth, parts.truth), strict=True)
        rows.append([(title, found) for title, found in arrived if found is not None])
    if rows:
        write_panel(folder / "depth.png", rows)
    if viewer.cloud is not None:
        write_ply(folder / "cloud.ply", *read_cloud(viewer.cloud))


def main() -> int:
    """Runs until SIGINT or SIGTERM, then writes the files. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=a_path, required=True, help="folder for the files")
    parser.add_argument("--every", type=float, default=1.0, help="seconds from row to row")
    options = parser.parse_args()
    signals = EndSignals("running")
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    viewer = Viewer(options.every)
    executor = SingleThreadedExecutor()
    executor.add_node(viewer)
    while not signals.asked:
        executor.spin_once(timeout_sec=0.1)
        viewer.hear_camera()
    viewer.finish()
    status = 0
    try:
        write_files(viewer, options.out)
        with whole_file(options.out / "viewer.json") as unfinished:
            unfinished.write_text(json.dumps(asdict(viewer.tally)))
    except OSError as error:  # a full disk
        print(f"viewer: {error}", file=sys.stderr)
        status = 1
    executor.shutdown()
    viewer.destroy_node()
    rclpy.try_shutdown()
    return status


if __name__ == "__main__":
    sys.exit(main())
