"""What the training code imports is named in a requirements file, not only brought by another."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported(folder: Path) -> set[str]:
    """Top-level names of all modules from elsewhere that the files of a folder import."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split(".")[0])
    return names - sys.stdlib_module_names - {"moa_depth_ros", "training"}


def as_pip_has_it(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(file: str) -> set[str]:
    """Packages of a requirements file."""
    found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==", (ROOT / file).read_text("utf-8"), re.M)
    return {as_pip_has_it(name) for name in found}


def test_every_import_of_the_training_code_is_named():
    packages = packages_distributions()
    wanted = {
        module: {as_pip_has_it(package) for package in packages[module]}
        for module in imported(ROOT / "training")
    }
    known = named("requirements.txt") | named("requirements-training.txt")
    assert {"lightning", "huggingface_hub", "cv2"} <= wanted.keys()
    assert [module for module, names in wanted.items() if not names & known] == []
