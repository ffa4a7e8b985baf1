"""Programs of this checkout, each as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def start(module: str, *arguments: str | Path, **options: Any) -> subprocess.Popen:
    """Run a module with this Python; the options are Popen's."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, **options)


def end(*processes: subprocess.Popen, seconds: float) -> None:
    """End those that are still running: cleanly, or by force if one takes longer than this.

    Not with SIGINT, to which a program that is still starting responds with a traceback."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
