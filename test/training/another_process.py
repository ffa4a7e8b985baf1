"""Another process that works in a folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from test.training.tiny_runs import ENVIRONMENT, ROOT

HOLDER = """
import sys
from pathlib import Path
from training.alone import alone_in

with alone_in(Path(sys.argv[1]), sys.argv[2]):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_in(folder: Path, work: str) -> Iterator[subprocess.Popen]:
    """In this context, it is alone in the folder, in the sense of
    :func:`training.alone.alone_in`."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", HOLDER, str(folder), work]
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, **pipes) as process:
        try:
            assert process.stdout.readline() == "in\n"
            yield process
        finally:
            process.kill()
