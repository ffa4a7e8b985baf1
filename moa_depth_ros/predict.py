"""Depth of an image file, without ROS: ``python -m moa_depth_ros.predict image.jpg``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np

from moa_depth_ros.command_line import a_path, add_device_option, exit_code
from moa_depth_ros.depth.geometry import unproject
from moa_depth_ros.estimator import DEMO_MODEL, PRECISIONS, DepthEstimate, DepthEstimator
from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.machine.allocator import keep_freed_memory
from moa_depth_ros.machine.device_memory import free_cached_memory, is_out_of_memory
from moa_depth_ros.machine.file_names import printable
from moa_depth_ros.machine.plain_warnings import warn_in_lines
from moa_depth_ros.pictures.camera_files import read_camera_yaml
from moa_depth_ros.pictures.drawing import colour_uncertainty, write_panel
from moa_depth_ros.pictures.files import read_picture, write_depth_png
from moa_depth_ros.pictures.ply import write_ply

_DEPTH, _COLOURS, _CLOUD = "_depth.png", "_depth_colour.png", ".ply"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    warn_in_lines()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    status = 0
    stems = _stems(options.pictures, options.out)
    camera = read_camera_yaml(options.camera) if options.camera else None
    model = options.model or DEMO_MODEL
    estimator = DepthEstimator(model, str(options.device), options.precision)
    if options.model is None:
        warnings.warn(
            "no --model given: the demo model was trained only on rendered rooms, and its depth is "
            "not usable on real images",
            stacklevel=2,
        )
    for stem, path in stems.items():
        try:
            _predict_in_room(estimator, path, camera, stem)
        except (ValueError, RuntimeError, OSError, MemoryError) as error:
            named = str(error) if str(path) in str(error) else f"{path}: {error}"
            print(f"error: {named}", file=sys.stderr)
            status = 1  # returned at the end: the other images are still processed
    return status


def _stems(pictures: list[Path], out: Path | None) -> dict[Path, Path]:
    """The images by the path that the names of their output files begin with."""
    stems: dict[Path, Path] = {}
    places: dict[tuple[str, str], Path] = {}
    for path in pictures:
        stem = (out or path.parent) / path.stem
        place = os.path.realpath(stem.parent), stem.name  # a folder may have several names
        if place in places:
            raise ValueError(
                f"{places[place]} and {path}: both would be written to {stem}_depth.png"
            )
        stems[stem] = places[place] = path
    # Not Path.resolve, which raises for circular links.
    given = {os.path.realpath(path) for path in pictures}
    for stem, path in stems.items():
        for end in (_DEPTH, _COLOURS, _CLOUD):
            if os.path.realpath(f"{stem}{end}") in given:
                raise ValueError(
                    f"{path}: {stem}{end} would be replaced, but it is an input image, too"
                )
    return stems


def _predict_in_room(
    estimator: DepthEstimator, path: Path, camera: Intrinsics | None, stem: Path
) -> None:
    """If memory runs out, free what is kept for images of other sizes, and try once more."""
    try:
        _predict(estimator, path, camera, stem)
        return
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    # Not in the except clause: the error's traceback would keep the tensors alive there.
    estimator.clear_graphs()
    free_cached_memory()
    _predict(estimator, path, camera, stem)


def _predict(estimator: DepthEstimator, path: Path, camera: Intrinsics | None, stem: Path) -> None:
    picture = read_picture(path, upright=camera is None)
    if camera is not None:
        camera = _fitted(camera, picture, path)
    estimate = estimator.estimate(picture, intrinsics=camera)
    depth = estimate.depth.cpu().numpy()
    written = [f"{stem}{_DEPTH}", f"{stem}{_COLOURS}"]
    write_depth_png(written[0], depth)
    uncertainty = estimate.uncertainty.cpu().numpy()
    unsure = float(np.percentile(uncertainty, 99))
    title = f"uncertainty, black 0 to yellow {unsure:.2f} m"
    drawn = colour_uncertainty(uncertainty, unsure)
    write_panel(written[1], [[("colour", picture), ("depth", depth), (title, drawn)]])
    if camera is not None:
        written.append(f"{stem}{_CLOUD}")
        _write_cloud(written[-1], estimate, camera)
    near, middle, far = np.percentile(depth, [1, 50, 99])
    depths = f"depth {near:.2f} to {far:.2f} m, median {middle:.2f} m"
    print(printable(f"{path}: {depths}: {', '.join(written)}"))


def _fitted(camera: Intrinsics, picture: np.ndarray, path: Path) -> Intrinsics:
    height, width = picture.shape[:2]
    try:
        return camera.fitted(width, height)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _write_cloud(path: str, estimate: DepthEstimate, camera: Intrinsics) -> None:
    points = unproject(estimate.depth, camera)
    write_ply(path, points.cpu().numpy(), estimate.colour.cpu().numpy())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m moa_depth_ros.predict",
        description="Estimate the metric depth of colour images. Beside each image (or in --out), "
        "it writes NAME_depth.png (16-bit, millimetres), NAME_depth_colour.png (for viewing) and, "
        "with --camera, NAME.ply (a coloured point cloud).",
    )
    parser.add_argument("pictures", nargs="+", type=a_path, metavar="IMAGE", help="PNG, JPEG, ...")
    parser.add_argument(
        "--model",
        type=a_path,
        help="model folder (default: the demo model, trained only on rendered rooms)",
    )
    parser.add_argument(
        "--camera",
        type=a_path,
        help="camera_info YAML of the camera, as camera_calibration writes it; scaled if the image "
        "size differs. Depth is then scaled by the ratio of this camera's focal length to the "
        "training camera's",
    )
    parser.add_argument("--out", type=a_path, help="output folder (default: the image's)")
    add_device_option(parser)
    parser.add_argument(
        "--precision",
        default="float32",
        choices=list(PRECISIONS),
        help="number format the network computes in (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
