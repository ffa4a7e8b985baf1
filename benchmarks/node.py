"""The node compared with a relay: ``python -m benchmarks.node``. See ``--help``.

Three processes over real DDS: the camera, the node or the relay, and this one, which receives their
answers. A latency is the time from an image's stamp to the last of its answers.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, PointCloud2

from benchmarks.least_network import save_least_network
from demo.own_domain import own_domain
from demo.processes import end, start
from moa_depth_ros.command_line import (
    a_path,
    above_zero,
    add_device_option,
    at_least,
    exit_code,
    picture_size,
)
from moa_depth_ros.estimator import DEMO_MODEL, PRECISIONS
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.report import describe, resident_bytes
from moa_depth_ros.network import load_network

WARM_UP = 20  # frames that don't count
START_SECONDS = 120.0
STOP_SECONDS = 20.0


@dataclass
class Run:
    """The measurements of one program.

    Attributes:
        latencies: milliseconds, one value per frame that counts.
        rate: such frames per second.
        network: milliseconds, the median of the node's stage of that name; 0 for the relay.
        memory: MB of the program after a tenth of the frames and at the end.
    """

    latencies: np.ndarray
    rate: float
    network: float
    memory: tuple[float, float]


class Listener(Node):
    """Records when the last answer to each image arrived.

    Args:
        cloud: whether to subscribe to the cloud, too.
    """

    def __init__(self, cloud: bool) -> None:
        super().__init__("listener")
        self.answers: dict[int, tuple[int, int]] = {}  # by stamp: how many, nanoseconds of the last
        self.network = 0.0
        self.wanted = 1 + cloud
        self.create_subscription(Image, "/moa_depth/depth", self._on_answer, 5)
        if cloud:
            self.create_subscription(PointCloud2, "/moa_depth/points", self._on_answer, 5)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 5)

    def _on_answer(self, msg: Image | PointCloud2) -> None:
        now = self.get_clock().now().nanoseconds
        stamp = msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
        count, _ = self.answers.get(stamp, (0, 0))
        self.answers[stamp] = count + 1, now

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        values = {pair.key: pair.value for status in msg.status for pair in status.values}
        self.network = float(values.get("network median (ms)", 0.0))

    def times(self) -> np.ndarray:
        """(frames, 2) nanoseconds: stamps of the frames that count and were answered completely,
        and when they were."""
        whole = [(s, at) for s, (count, at) in self.answers.items() if count == self.wanted]
        return np.array(sorted(whole)[WARM_UP:], dtype=np.int64).reshape(-1, 2)


def measure(program: list[str], cloud: bool, frames: int, camera: list[str]) -> Run:
    """Let one program answer one film.

    Args:
        program, camera: modules and their arguments.
        cloud: whether to subscribe to the cloud, too.
        frames: of the film, without those of the warm-up.

    Raises:
        RuntimeError: one of them ended early, or nothing was answered.
    """
    listener = Listener(cloud)
    executor = SingleThreadedExecutor()
    executor.add_node(listener)
    early = 0.0
    try:
        with _process(program) as answering:
            limit = time.monotonic() + START_SECONDS
            while not listener.count_publishers("/moa_depth/depth"):
                if answering.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError(f"{program[0]} did not start")
                time.sleep(0.1)
            with _process(camera) as filming:
                while filming.poll() is None:
                    executor.spin_once(timeout_sec=0.1)
                    if not early and len(listener.answers) > WARM_UP + frames // 10:
                        early = resident_bytes(answering.pid) / 1e6
            late = resident_bytes(answering.pid) / 1e6
        times = listener.times()
        if filming.returncode or len(times) < 2:
            raise RuntimeError(
                f"{program[0]} answered {len(listener.answers)} images, {len(times)} of them after "
                f"the warm-up; the camera ended with status {filming.returncode}"
            )
        seconds = (times[-1, 1] - times[0, 1]) * 1e-9
        latencies = (times[:, 1] - times[:, 0]) * 1e-6
        return Run(latencies, (len(times) - 1) / seconds, listener.network, (early or late, late))
    finally:
        executor.shutdown()
        listener.destroy_node()


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen]:
    """A module of this checkout, ended with the block."""
    process = start(*arguments)
    try:
        yield process
    finally:
        end(process, seconds=STOP_SECONDS)


def compare(
    options: argparse.Namespace, models: dict[str, Path], size: tuple[int, int], cloud: bool
) -> None:
    """Print a row for the relay and one for the node with each model, for one kind of film: the
    results of all rounds together, and the memory of the last one."""
    width, height = size
    camera = ["benchmarks.camera", "--width", str(width), "--height", str(height)]
    camera += ["--rate", str(options.rate), "--frames", str(options.frames + WARM_UP)]
    remap = ["--ros-args", "-r", "image:=/camera/image_raw"]
    programs = {"relay": ["benchmarks.relay", *remap]}
    for name, model in models.items():
        values = {"model": model, "device": options.device, "precision": options.precision}
        parameters = [word for key in values for word in ("-p", f"{key}:={values[key]}")]
        programs[f"node, {name}"] = ["moa_depth_ros.node", *remap, *parameters]
    kind = f"{width}x{height} | {'depth, cloud' if cloud else 'depth'}"
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for _ in range(options.rounds):  # in turns: a temporary slowdown of the machine affects all
        for name, program in programs.items():
            runs[name].append(measure(program, cloud, options.frames, camera))
    relay = np.median(np.concatenate([run.latencies for run in runs["relay"]]))
    for name, rounds in runs.items():
        latencies = np.concatenate([run.latencies for run in rounds])
        median, p95, p99 = np.percentile(latencies, [50, 95, 99])
        network = np.median([run.network for run in rounds])
        rate = np.mean([run.rate for run in rounds])
        early, late = rounds[-1].memory
        print(
            f"| {kind} | {name} | {len(latencies)} | {rate:.1f} | {median:.2f} | {p95:.2f} "
            f"| {p99:.2f} | {network:.2f} | {early:.0f}, {late:.0f} "
            f"| {(median - network) / relay:.2f} |",
            flush=True,
        )


def main() -> int:
    """Returns the exit status."""
    options = _parser().parse_args()
    keep_freed_memory()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    print(f"{options.rate:g} images per second, {options.precision}; {describe(options.device)}\n")
    print(
        "| picture | answers | program | frames | answered a second | median ms | 95 % | 99 % ",
        end="",
    )
    print("| of that the network stage | MB after a tenth, at the end | rest / relay |")
    print("|" + "---|" * 11, flush=True)
    try:
        os.environ.update(own_domain(os.environ))
        rclpy.init()
        load_network(options.model)  # a bad one would end the run only after minutes of measuring
        with tempfile.TemporaryDirectory() as folder:
            models = {"least network": save_least_network(Path(folder))}
            models[options.model.name] = options.model.resolve()
            for size in options.sizes:
                for answers in options.answers:
                    compare(options, models, size, answers == "cloud")
    finally:
        rclpy.try_shutdown()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.node",
        description="Time the node against a relay that answers with ready-made messages of the "
        "same sizes, over DDS between processes. Prints a Markdown table; its last column is the "
        "node's time without its network stage, relative to the relay. A network with next to no "
        "work, which is measured before the model, shows it best.",
    )
    sizes = [(640, 480), (1280, 720)]
    parser.add_argument(
        "--sizes", nargs="+", type=picture_size, default=sizes, help="default: 640x480 1280x720"
    )
    parser.add_argument(
        "--answers",
        nargs="+",
        choices=["depth", "cloud"],
        default=["depth", "cloud"],
        help="only depth, or depth and cloud (default: both)",
    )
    parser.add_argument(
        "--frames", type=at_least(1), default=100, help="measured frames (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=at_least(1), default=3, help="per program (default: %(default)s)"
    )
    parser.add_argument("--rate", type=above_zero, default=10.0, help="Hz (default: %(default)s)")
    parser.add_argument("--model", type=a_path, default=DEMO_MODEL, help="model folder")
    add_device_option(parser)
    parser.add_argument("--precision", default="float32", choices=list(PRECISIONS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
