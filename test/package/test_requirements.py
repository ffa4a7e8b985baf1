"""The training code's imports are named in a requirements file, not just pulled in by others."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest


def as_pip_has_it(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(file: Path) -> set[str]:
    """Packages of a requirements file."""
    found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==", file.read_text("utf-8"), re.M)
    return {as_pip_has_it(name) for name in found}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="knows few packages before Python 3.11")
def test_every_import_of_the_training_code_is_named(root, imports_of):
    files = (root / "training").rglob("*.py")
    modules = {name.split(".")[0] for path in files for name in imports_of(path)}
    packages = packages_distributions()
    wanted = {
        module: {as_pip_has_it(package) for package in packages[module]}
        for module in modules - sys.stdlib_module_names - {"moa_depth_ros", "training"}
    }
    known = named(root / "requirements.txt") | named(root / "requirements-training.txt")
    assert {"lightning", "huggingface_hub", "cv2"} <= wanted.keys()
    assert [module for module, names in wanted.items() if not names & known] == []
