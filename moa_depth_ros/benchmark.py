"""Times the estimator on this machine: ``python -m moa_depth_ros.benchmark``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from moa_depth_ros.command_line import a_path, add_device_option, at_least, exit_code, picture_size
from moa_depth_ros.depth.geometry import pack_depth
from moa_depth_ros.estimator import DEMO_MODEL, PRECISIONS, DepthEstimate, DepthEstimator
from moa_depth_ros.estimator.transfer import to_device, to_host
from moa_depth_ros.intrinsics import NYU_KINECT
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.report import describe, resident_bytes
from moa_depth_ros.machine.timing import seconds_of
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network

WARM_UP = 5


@dataclasses.dataclass
class Timing:
    """What the runs of one stage took.

    Attributes:
        seconds: of each run.
        grown: MB by which the memory of host and device grew during them.
    """

    seconds: list[float]
    grown: np.ndarray


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    width, height = options.size
    rows = [
        (name, stage, timing)
        for name, estimator in _estimators(options)
        for stage, timing in _measure(estimator, width, height, options.runs).items()
    ]
    setting = f"{options.precision}, {options.runs} runs; {describe(options.device)}"
    print(f"{width}x{height} image in, {setting}\n")
    print("| model | stage | median ms | 95 % ms | 99 % ms | host MB more | device MB more |")
    print("|" + "---|" * 7)
    for name, stage, timing in rows:
        median, p95, p99 = np.percentile(timing.seconds, [50, 95, 99]) * 1000
        memory = " | ".join(f"{grown:.1f}" for grown in timing.grown)
        print(f"| {name} | {stage} | {median:.2f} | {p95:.2f} | {p99:.2f} | {memory} |")


def _estimators(options: argparse.Namespace) -> list[tuple[str, DepthEstimator]]:
    """The model folder, and the paper's network with random weights (which take the same time)."""
    estimators = [(options.model.name, DepthEstimator(options.model, *_device(options)))]
    if not options.no_paper:
        with tempfile.TemporaryDirectory() as folder:
            save_network(MoADepthClip(NetworkConfig(pretrained=None)), folder, NYU_KINECT)
            estimators.append(("ViT-B/32 at 224x224", DepthEstimator(folder, *_device(options))))
    return estimators


def _device(options: argparse.Namespace) -> tuple[str, str]:
    return str(options.device), options.precision


def _measure(estimator: DepthEstimator, width: int, height: int, runs: int) -> dict[str, Timing]:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    camera = NYU_KINECT.resized(width, height)
    size = estimator.network.config.input_size
    # Made on the host: after a capture that failed, PyTorch draws none on the device any more.
    pictures = torch.rand(1, 3, *size).to(estimator.device)
    estimate = estimator.estimate(picture)

    def cloud(estimate: DepthEstimate) -> Tensor:
        return pack_depth(estimate.depth, estimate.colour, camera)

    def everything() -> None:
        estimate = estimator.estimate(picture)
        packed = cloud(estimate)  # queued before the first wait
        to_host(estimate.depth)
        to_host(packed)

    stages: dict[str, Callable[[], object]] = {
        "picture to the device": lambda: to_device(picture, estimator.device),
        "network and decoding, launched one by one": lambda: estimator.network(pictures),
        "picture to depth on the device": lambda: estimator.estimate(picture),
        "depth to the host": lambda: to_host(estimate.depth),
        "cloud to the host": lambda: to_host(cloud(estimate)),
        "picture to depth and cloud on the host": everything,
    }
    with torch.inference_mode():
        return {name: _time(stage, estimator.device, runs) for name, stage in stages.items()}


def _time(stage: Callable[[], object], device: torch.device, runs: int) -> Timing:
    seconds = []
    for run in range(WARM_UP + runs):
        if run == WARM_UP:
            before = _memory(device)
        seconds.append(seconds_of(stage, device))
    return Timing(seconds[WARM_UP:], _memory(device) - before)


def _memory(device: torch.device) -> np.ndarray:
    """MB of this process on the host, and MB that PyTorch reserves on a CUDA device."""
    reserved = torch.cuda.memory_reserved(device) / 1e6 if device.type == "cuda" else 0.0
    return np.array([resident_bytes() / 1e6, reserved])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m moa_depth_ros.benchmark",
        description="Time the estimator stage by stage, next to the paper's ViT-B/32 at 224x224 "
        "with random weights. Prints a Markdown table.",
    )
    parser.add_argument("--model", type=a_path, default=DEMO_MODEL, help="model folder")
    add_device_option(parser)
    parser.add_argument("--precision", default="float32", choices=list(PRECISIONS))
    parser.add_argument(
        "--size", type=picture_size, default=(640, 480), help="image size (default: 640x480)"
    )
    parser.add_argument(
        "--runs", type=at_least(1), default=50, help="measured runs (default: %(default)s)"
    )
    parser.add_argument("--no-paper", action="store_true", help="leave out the ViT-B/32")
    return parser


if __name__ == "__main__":
    sys.exit(main())
