"""How long the estimator takes on this machine: ``python -m moa_depth_ros.benchmark``."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from moa_depth_ros.allocator import keep_freed_memory
from moa_depth_ros.camera import NYU_KINECT
from moa_depth_ros.estimator import DEMO_MODEL, PRECISIONS, DepthEstimator
from moa_depth_ros.geometry import pack_depth
from moa_depth_ros.network import MoADepthClip, NetworkConfig, save_network

WARM_UP = 5


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    width, height = options.size
    try:
        rows = [
            (name, stage, times)
            for name, estimator in _estimators(options)
            for stage, times in _measure(estimator, width, height, options.runs).items()
        ]
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{width}x{height} picture in, {options.precision}, {options.runs} runs; {_machine()}\n")
    print("| model | stage | median ms | 95 % ms |\n|---|---|---|---|")
    for name, stage, times in rows:
        median, p95 = np.percentile(times, [50, 95]) * 1000
        print(f"| {name} | {stage} | {median:.2f} | {p95:.2f} |")
    return 0


def _estimators(options: argparse.Namespace) -> list[tuple[str, DepthEstimator]]:
    """The model folder, and the paper's network with random weights (which take the same time)."""
    estimators = [(options.model.name, DepthEstimator(options.model, *_device(options)))]
    if not options.no_paper:
        with tempfile.TemporaryDirectory() as folder:
            save_network(MoADepthClip(NetworkConfig(pretrained=None)), folder, NYU_KINECT)
            estimators.append(("ViT-B/32 at 224x224", DepthEstimator(folder, *_device(options))))
    return estimators


def _device(options: argparse.Namespace) -> tuple[str, str]:
    return options.device, options.precision


def _measure(
    estimator: DepthEstimator, width: int, height: int, runs: int
) -> dict[str, list[float]]:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    camera = NYU_KINECT.resized(width, height)
    size = estimator.network.config.input_size
    pictures = torch.rand(1, 3, *size, device=estimator.device)
    estimate = estimator.estimate(picture)
    stages: dict[str, Callable[[], object]] = {
        "network alone": lambda: estimator.network(pictures),
        "picture to depth": lambda: estimator.estimate(picture),
        "depth to host": lambda: estimate.depth.cpu(),
        "cloud to host": lambda: pack_depth(estimate.depth, estimate.colour, camera).cpu(),
    }
    with torch.inference_mode():
        return {name: _time(stage, estimator.device, runs) for name, stage in stages.items()}


def _time(stage: Callable[[], object], device: torch.device, runs: int) -> list[float]:
    times = []
    for run in range(WARM_UP + runs):
        started = time.perf_counter()
        stage()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if run >= WARM_UP:
            times.append(time.perf_counter() - started)
    return times


def _machine() -> str:
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} CPU threads"
    return f"{device}, torch {torch.__version__}, Python {platform.python_version()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m moa_depth_ros.benchmark",
        description="Time the estimator, stage by stage, beside the paper's ViT-B/32 at 224x224 "
        "with random weights. Prints a Markdown table.",
    )
    parser.add_argument("--model", type=Path, default=DEMO_MODEL, help="model folder")
    parser.add_argument("--device", default="auto", help="cuda, cpu or auto (default)")
    parser.add_argument("--precision", default="float32", choices=list(PRECISIONS))
    parser.add_argument(
        "--size", type=_size, default=(640, 480), help="of the picture (default: 640x480)"
    )
    parser.add_argument("--runs", type=int, default=50, help="counted runs (default: %(default)s)")
    parser.add_argument("--no-paper", action="store_true", help="leave the ViT-B/32 out")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, found {text!r}")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
