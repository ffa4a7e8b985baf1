"""Shared by the package's tests: its location, its imports, and its build by colcon."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["package.xml", "setup.py", "setup.cfg", "resource", "launch", "config", "moa_depth_ros"]


def _imports_of(path: Path) -> set[str]:
    """Absolute dotted names of the modules that a file imports, anywhere in it."""
    parents = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = parents[: len(parents) - node.level + 1] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            # `from package import module` imports package.module; for a function or a class, the
            # longer name does no harm, because the rules look at how names begin.
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def imports_of() -> Callable[[Path], set[str]]:
    return _imports_of


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """With the tests' interpreter first on PATH, as in an activated virtual environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


@pytest.fixture(scope="session")
def prefix(root, environment, tmp_path_factory) -> Path:
    """Install prefix of the package, built from a copy of its own files only."""
    workspace = tmp_path_factory.mktemp("workspace")
    source = workspace / "src"
    source.mkdir()
    for name in SOURCES:
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, source / name, ignore=ignored)
        else:
            shutil.copy2(root / name, source / name)
    colcon = shutil.which("colcon", path=environment["PATH"])
    assert colcon, "colcon is not installed: requirements-dev.txt has it"
    build = subprocess.run(
        [colcon, "build", "--base-paths", str(source)],
        cwd=workspace,
        env={**environment, "COLCON_HOME": str(workspace / "colcon")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return workspace / "install" / "moa_depth_ros"


@pytest.fixture(scope="session")
def site_packages(prefix) -> Path:
    """Where the Python package was installed; the folder's name differs between distributions."""
    (found,) = prefix.glob("**/moa_depth_ros/network/config.py")
    return found.parents[2]
