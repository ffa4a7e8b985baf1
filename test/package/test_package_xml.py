"""package.xml lists what the installed package and its tests import."""

import re
import subprocess
import sys

import pytest
from catkin_pkg.package import Package, parse_package

# Python modules whose name is not that of their package or rosdep key.
ROSDEP_KEYS = {
    "cv2": "python3-opencv",
    "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy",
    "torch": "python3-torch",
    "triton": "python3-torch",  # which brings it for CUDA; without it, the PyTorch path is used
    "yaml": "python3-yaml",
}
# Modules without a rosdep key, and the line of requirements.txt that installs each.
PIP_ONLY = {"open_clip": "open_clip_torch", "safetensors": "safetensors"}
# Modules that tests import from ROS, by the beginning or end of their names.
ROS_NAME = re.compile(r"rcl|launch|ament_|cv_bridge$|.*_(msgs|msgs_py|srvs|interfaces)$")


@pytest.fixture(scope="module")
def manifest(root) -> Package:
    return parse_package(root / "package.xml")


@pytest.fixture(scope="module")
def imported(root, imports_of):
    def top_level(*folders: str) -> set[str]:
        files = (path for folder in folders for path in (root / folder).rglob("*.py"))
        names = {name.split(".")[0] for path in files for name in imports_of(path)}
        return names - sys.stdlib_module_names - {"moa_depth_ros", "training", "demo"}

    return top_level


def test_it_is_a_format_3_ament_python_package(manifest):
    assert manifest.package_format == 3
    assert manifest.name == "moa_depth_ros"
    assert manifest.get_build_type() == "ament_python"
    assert manifest.licenses == ["Apache-2.0"]


def test_its_version_is_that_of_setup_py(manifest, root):
    version = subprocess.run(
        [sys.executable, "setup.py", "--version"], cwd=root, capture_output=True, text=True
    )
    assert version.stdout.split()[-1] == manifest.version


def test_run_time_imports_are_run_time_dependencies(manifest, imported, root):
    declared = {dependency.name for dependency in manifest.exec_depends}
    requirements = (root / "requirements.txt").read_text(encoding="utf-8")
    modules = imported("moa_depth_ros", "launch")
    from_pip = {PIP_ONLY[name] for name in modules & PIP_ONLY.keys()}
    missing = {ROSDEP_KEYS.get(name, name) for name in modules - PIP_ONLY.keys()} - declared
    assert not missing
    assert {name for name in from_pip if f"\n{name}==" not in requirements} == set()


def test_ros_packages_of_the_tests_are_dependencies(manifest, imported):
    declared = {item.name for item in [*manifest.exec_depends, *manifest.test_depends]}
    used = {name for name in imported("test", "demo") if ROS_NAME.match(name)}
    assert used <= declared


def test_dependencies_of_the_launch_file_and_of_rare_encodings_are_named(manifest):
    declared = {item.name for item in [*manifest.exec_depends, *manifest.test_depends]}
    assert {"launch", "launch_ros", "cv_bridge", "sensor_msgs_py"} <= declared
