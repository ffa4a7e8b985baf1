"""colcon builds the package, and installs what ros2 run and ros2 launch look for."""

import os
import subprocess
from pathlib import Path

import pytest
from colcon_core.task.python.test import has_test_dependency
from colcon_python_setup_py.package_identification.python_setup_py import get_setup_information


def names(folder: Path, pattern: str = "*") -> set[str]:
    return {path.name for path in folder.glob(pattern)}


@pytest.mark.parametrize("executable", ["depth_node", "picture_camera", "predict"])
def test_executables_run_with_the_python_of_the_active_environment(prefix, executable):
    path = prefix / "lib" / "moa_depth_ros" / executable
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").splitlines()[0] == "#!/usr/bin/env python3"


def test_an_installed_executable_starts(prefix, site_packages, environment, tmp_path):
    result = subprocess.run(
        [str(prefix / "lib" / "moa_depth_ros" / "predict"), "--help"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(site_packages)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "--model" in result.stdout


def test_colcon_test_runs_pytest(root):
    """Checked the way colcon does; with unittest, it would find no test and pass."""
    setup = get_setup_information(root / "setup.py")
    assert has_test_dependency(setup, "pytest")


def test_the_package_is_in_the_ament_index(prefix):
    assert (prefix / "share/ament_index/resource_index/packages/moa_depth_ros").is_file()
    assert (prefix / "share/moa_depth_ros/package.xml").is_file()


def test_launch_file_parameters_and_transport_profile_are_shared(prefix, root):
    share = prefix / "share" / "moa_depth_ros"
    launch = names(root / "launch", "*.launch.py")
    assert {"depth.launch.py", "demo.launch.py"} <= launch
    assert names(share / "launch") == launch
    config = {path.name for path in (root / "config").iterdir()} - {"training"}
    assert {"depth.yaml", "fastdds.xml", "depth.rviz", "foxglove.json"} <= config
    assert names(share / "config") == config
    assert names(share / "config/pictures") == names(root / "config/pictures")


def test_architectures_and_the_demo_model_are_installed(site_packages, root):
    package = site_packages / "moa_depth_ros"
    architectures = names(root / "moa_depth_ros/network/architectures", "*.json")
    assert architectures
    assert names(package / "network/architectures") == architectures
    model = names(root / "moa_depth_ros/models/demo")
    assert {"config.json", "model.safetensors"} <= model
    assert names(package / "models/demo") == model


def test_nothing_else_is_installed(site_packages):
    packages = {path.name for path in site_packages.iterdir() if not path.name.endswith("-info")}
    assert packages == {"moa_depth_ros"}
