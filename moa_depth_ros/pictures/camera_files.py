"""Reads cameras from files: ROS camera_info, or a plain matrix."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import yaml

from moa_depth_ros.intrinsics import Intrinsics
from moa_depth_ros.pictures.calibration import distorts, pinhole


def read_camera_yaml(path: str | Path) -> Intrinsics:
    """Read a ROS camera_info file, as ``camera_calibration`` writes it.

    The projection matrix (the rectified camera) counts, or the camera matrix if there is none or it
    is all zero. Warns about a lens that distorts.

    Raises:
        ValueError: not such a file; the message names it.
        OSError: it can't be read.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"expected a camera_info file, found {values!r:.40}")
        size = values["image_width"], values["image_height"]
        names = {"p": "projection_matrix", "k": "camera_matrix", "d": "distortion_coefficients"}
        found = {key: values.get(name, {}).get("data", []) for key, name in names.items()}
        info = SimpleNamespace(distortion_model=values.get("distortion_model"), **found)
        camera = Intrinsics(*size, *pinhole(info)[1])
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # On one line; PyYAML shows the place on several.
        raise ValueError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected a camera_info file with image_width, image_height and "
            f"camera_matrix or projection_matrix; missing or malformed: {error}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if distorts(info):
        warnings.warn(
            f"{path}: this lens distorts, but the images are assumed to be rectified: rectify them "
            "first (image_proc does; for ROS topics, so does the node's parameter rectify)",
            stacklevel=2,
        )
    return camera


def read_camera_matrix(path: str | Path, width: int, height: int) -> Intrinsics:
    """Read a 3x3 camera matrix in plain text, as ``numpy.savetxt`` writes it.

    Args:
        path: of the file.
        width, height: size of the images that the matrix is for.

    Raises:
        ValueError: not such a matrix; the message names the file.
        OSError: it can't be read.
    """
    try:
        matrix = np.loadtxt(path, ndmin=2, encoding="utf-8-sig")
        if matrix.shape != (3, 3) or matrix[2].tolist() != [0, 0, 1]:
            raise ValueError(
                f"expected a 3x3 camera matrix that ends in 0 0 1, found {matrix.tolist()}"
            )
        fx, fy, cx, cy = (float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
        if not (0 < cx < width and 0 < cy < height):
            raise ValueError(
                f"expected the camera of {width}x{height} images, found one whose centre is "
                f"({cx:g}, {cy:g})"
            )
        return Intrinsics(width, height, fx, fy, cx, cy)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
