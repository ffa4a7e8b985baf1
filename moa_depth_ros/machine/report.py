"""Describes the machine, and what a process takes of it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def device_name(device: torch.device) -> str:
    """A GPU's product name; for a CPU, the number of threads that compute."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"


def describe(device: torch.device) -> str:
    """The context of measurements: the device that computes, and versions."""
    return f"{device_name(device)}, torch {torch.__version__}, Python {platform.python_version()}"


def resident_bytes(process: int | str = "self") -> int:
    """The RAM that a process holds, given its id (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
