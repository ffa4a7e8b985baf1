"""Where a figure comes from: commit, device and versions."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from moa_depth_ros.machine.report import device_name

_PACKAGES = ("torch", "open_clip_torch", "lightning", "numpy")


def provenance(device: torch.device) -> dict[str, Any]:
    """``commit``, ``device`` and ``versions`` of what this process computes on a device."""
    return {
        "commit": _commit(),
        "device": device_name(device),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    }


def _commit() -> str:
    """Of the checkout that this file is in; with ``+`` if tracked files were changed since."""
    root = Path(__file__).parents[1]
    try:
        commit = _git(root, "rev-parse", "--short=10", "HEAD")
        return commit + "+" * bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
