"""Runs the demo: ``python -m demo.run [--images FOLDER]``. Ends by itself, after about 30 s."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from demo.frames import FRAMES_PER_ROOM
from demo.own_domain import own_domain
from demo.processes import end, start
from demo.report import report
from moa_depth_ros.command_line import a_path, above_zero
from moa_depth_ros.ros.signals import END_SIGNALS

START_SECONDS = 120.0  # for the network to load and the rooms to be rendered, on a busy machine
LAST_REPORT_SECONDS = 2.5  # diagnostics are published once a second
WRITE_SECONDS = 60.0  # for the viewer's image and cloud, on a busy machine
STOP_SECONDS = 10.0


class DemoError(RuntimeError):
    """The demo can't go on; the text says why."""


class Processes:
    """The three programs. Each is stopped by its own process id, whatever happens."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running: dict[str, subprocess.Popen] = {}

    def start(self, name: str, module: str, *arguments: str | Path) -> None:
        """Run a module of this checkout."""
        self._running[name] = start(module, *arguments, env=self._environment)

    def wait_for(self, name: str, seconds: float) -> None:
        """Wait for one to end with status 0, and forget it.

        Raises:
            DemoError: it failed, another one ended first, or time is up.
        """
        limit = time.monotonic() + seconds
        while self._running[name].poll() is None:
            ended = [n for n, process in self._running.items() if process.poll() is not None]
            if ended and ended != [name]:
                status = self._running[ended[0]].returncode
                raise DemoError(f"the {ended[0]} ended early, with status {status}")
            if time.monotonic() > limit:
                raise DemoError(f"the {name} did not end within {seconds:.0f} s")
            time.sleep(0.05)
        if status := self._running.pop(name).returncode:
            raise DemoError(f"the {name} failed with status {status}")

    def interrupt(self, name: str) -> None:
        """Ask one to end."""
        self._running[name].send_signal(signal.SIGINT)

    def stop_all(self) -> None:
        """End those that still run."""
        end(*self._running.values(), seconds=STOP_SECONDS)


def run(options: argparse.Namespace) -> None:
    """Start the three, let the camera's film end, stop the others, then write and print the report.

    Raises:
        DemoError: one of them failed, or nothing arrived.
    """
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in ("camera.json", "viewer.json"):
        (out / name).unlink(missing_ok=True)  # of an earlier run
    processes = Processes({**os.environ, **own_domain(os.environ)})
    try:
        processes.start("node", "moa_depth_ros.node", *_node_arguments(options.model))
        every = str(FRAMES_PER_ROOM / options.rate)
        processes.start("viewer", "demo.viewer", "--out", out, "--every", every)
        processes.start("camera", "demo.camera", *_camera_arguments(options, out))
        processes.wait_for("camera", START_SECONDS + options.seconds)
        time.sleep(LAST_REPORT_SECONDS)
        for name, seconds in (("node", STOP_SECONDS), ("viewer", WRITE_SECONDS)):
            processes.interrupt(name)
            processes.wait_for(name, seconds)
    finally:
        processes.stop_all()
    camera, viewer = (_result(out, name) for name in ("camera", "viewer"))
    if not viewer["depth_latency"]:
        raise DemoError(
            f"the camera published {camera['published']} images, the node counted "
            f"{viewer['node'].get('frames in', 'none')}, and no depth arrived at the viewer"
        )
    print(report(camera, viewer, out))


def _result(out: Path, name: str) -> dict[str, Any]:
    """The result that one of the programs wrote at its end."""
    file = out / f"{name}.json"
    if not file.is_file():
        raise DemoError(f"the {name} was interrupted")
    return json.loads(file.read_text())


def _node_arguments(model: Path | None) -> list[str]:
    arguments = ["--ros-args", "-r", "image:=/camera/image_raw"]
    return arguments if model is None else [*arguments, "-p", f"model:={model.resolve()}"]


def _camera_arguments(options: argparse.Namespace, out: Path) -> list[str | Path]:
    arguments: list[str | Path] = ["--seconds", str(options.seconds), "--rate", str(options.rate)]
    arguments += ["--result", out / "camera.json"]
    for name in ("images", "camera"):
        if path := getattr(options, name):
            arguments += [f"--{name}", path.resolve()]
    return arguments


def main() -> int:
    """Returns 0, or 1 after a line that says what went wrong; 128 + the number for a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=a_path, help="folder of images; default: rendered rooms")
    parser.add_argument("--camera", type=a_path, help="ROS camera_info YAML of these images")
    parser.add_argument("--seconds", type=above_zero, default=15.0, help="length of the film")
    parser.add_argument("--rate", type=above_zero, default=10.0, help="images per second")
    parser.add_argument("--out", type=a_path, default=Path("build/demo"), help="output folder")
    parser.add_argument(
        "--model", type=a_path, help="model folder; default: the shipped demo model"
    )
    options = parser.parse_args()
    if options.camera and not options.images:
        parser.error("--camera (CAMERA=) needs the images that it took: --images (IMAGES=)")
    for number in END_SIGNALS:
        signal.signal(number, _end)
    try:
        run(options)
    except (RuntimeError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    """Stop the children on the way out, undisturbed by further signals."""
    for other in END_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
