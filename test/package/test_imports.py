"""Imports go one way: demo -> training -> moa_depth_ros, node -> estimator -> network.

The benchmarks are beside the training and above the demo, whose camera they use.
"""

from pathlib import Path

import pytest

ROS = (
    "ament_index_python",
    "builtin_interfaces",
    "cv_bridge",
    "diagnostic_msgs",
    "geometry_msgs",
    "lifecycle_msgs",
    "rcl_interfaces",
    "rclpy",
    "sensor_msgs",
    "sensor_msgs_py",
    "std_msgs",
)
PACKAGE = "moa_depth_ros"
# From lowest to highest: a folder or module of the package may import itself and those before it.
LAYERS = (
    "intrinsics",
    "machine",
    "network",
    "estimator",
    "depth",
    "pictures",
    "command_line",
    "predict",
    "benchmark",
    "ros",
    "node",
    "picture_camera",
)


# In training: data is below rooms, which fill data sets, and these are above both.
ABOVE_ROOMS = tuple(f"training.{name}" for name in ("module", "callbacks", "judging", "tables"))


def begins_with(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def python_files(root: Path, folder: str) -> list[Path]:
    files = sorted((root / folder).rglob("*.py"))
    assert files, f"{folder} has no Python files"
    return files


def is_about_ros(path: Path, root: Path) -> bool:
    """Whether the file may import ROS: one of its programs, or a part of them."""
    return path.relative_to(root / PACKAGE).parts[0] in ("node.py", "picture_camera.py", "ros")


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (PACKAGE, ("training", "demo", "benchmarks", "test")),
        ("training", ("demo", "benchmarks", "test", *ROS, f"{PACKAGE}.node", f"{PACKAGE}.ros")),
        ("demo", ("benchmarks", "test")),
        ("benchmarks", ("training", "test")),
        ("training/data", ("training.rooms", *ABOVE_ROOMS)),
        ("training/rooms", ABOVE_ROOMS),
        ("training/judging", ("training.tables",)),
    ],
)
def test_nothing_imports_what_stands_above_it(root, imports_of, folder, forbidden):
    wrong = {
        f"{path.relative_to(root)}: {name}"
        for path in python_files(root, folder)
        for name in imports_of(path)
        if begins_with(name, forbidden)
    }
    assert not wrong


def test_the_package_is_made_of_layers(root, imports_of):
    wrong = set()
    for path in python_files(root, PACKAGE):
        layer = path.relative_to(root / PACKAGE).parts[0].removesuffix(".py")
        if layer == "__init__":
            continue
        assert layer in LAYERS, f"{path}: which layer is this?"
        below = tuple(f"{PACKAGE}.{name}" for name in LAYERS[: LAYERS.index(layer) + 1])
        wrong |= {
            f"{path.relative_to(root)}: {name}"
            for name in imports_of(path)
            if begins_with(name, (PACKAGE,)) and name != PACKAGE and not begins_with(name, below)
        }
    assert not wrong


def test_only_the_node_and_its_parts_know_ros(root, imports_of):
    knows_ros = (*ROS, f"{PACKAGE}.node", f"{PACKAGE}.ros")
    wrong = {
        f"{path.relative_to(root)}: {name}"
        for path in python_files(root, PACKAGE)
        if not is_about_ros(path, root)
        for name in imports_of(path)
        if begins_with(name, knows_ros)
    }
    assert not wrong


def test_only_one_file_of_the_node_imports_torch(root, imports_of):
    """Message bytes become tensors only in ros/messages.py."""
    with_torch = {
        path.relative_to(root / PACKAGE).as_posix()
        for path in python_files(root, PACKAGE)
        if is_about_ros(path, root)
        and any(begins_with(name, ("torch",)) for name in imports_of(path))
    }
    assert with_torch <= {"ros/messages.py"}
