"""What a machine is and what a process takes of it, for people."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def describe() -> str:
    """What figures are measured with: device and versions."""
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} CPU threads"
    return f"{device}, torch {torch.__version__}, Python {platform.python_version()}"


def resident_bytes(process: int | str = "self") -> int:
    """What a process, by its number, holds in RAM (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
