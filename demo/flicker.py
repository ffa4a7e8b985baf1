"""How much depth flickers on a still scene, with and without smoothing: ``python -m demo.flicker``.

One image is shown many times, each time with different noise, like a camera's. Flicker is the
median over pixels of the standard deviation over time of ln(depth), in percent.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from moa_depth_ros.command_line import a_path, add_device_option, at_least, exit_code
from moa_depth_ros.depth.smoothing import DepthSmoother
from moa_depth_ros.estimator import DEMO_MODEL, DepthEstimator
from moa_depth_ros.pictures.files import read_picture
from moa_depth_ros.ros.shared_files import shared_file

SETTLING = 30  # images until the average has settled
RATE = 30.0


def flicker(depths: list[torch.Tensor], strength: float, max_change: float) -> float:
    """Flicker of these depths, (H, W) metres each, after smoothing; percent."""
    smoother = DepthSmoother()
    smooth = [
        smoother.smooth(depth, strength, max_change, index / RATE, None)
        for index, depth in enumerate(depths)
    ]
    return 100 * torch.stack(smooth[SETTLING:]).log().std(dim=0).median().item()


def main() -> int:
    """Prints a line for each strength; returns the exit status."""
    options = _parser().parse_args()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    estimator = DepthEstimator(options.model, str(options.device))
    picture = read_picture(options.picture).astype(np.float32)
    rng = np.random.default_rng(0)
    depths = []
    for _ in range(options.pictures):
        noise = options.noise * rng.standard_normal(picture.shape, np.float32)
        noisy = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
        depths.append(estimator.estimate(noisy).depth)
    print(f"{options.picture.name}, noise {options.noise:g}, {options.pictures} images")
    for strength in (0.0, 0.5, 0.8, 0.9):
        print(f"smoothing {strength:g}: {flicker(depths, strength, options.max_change):.3f} %")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=a_path, default=shared_file("pictures/room_0.jpg"))
    parser.add_argument("--model", type=a_path, default=DEMO_MODEL)
    add_device_option(parser)
    parser.add_argument("--noise", type=float, default=5.0, help="standard deviation, grey levels")
    parser.add_argument(
        "--pictures", type=at_least(SETTLING + 2), default=90, help=f"the first {SETTLING} settle"
    )
    parser.add_argument("--max-change", type=float, default=0.1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
