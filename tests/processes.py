"""Python programs as the processes of one run, each with one CPU device."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class End(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    error: str


def free_address():
    """localhost:PORT, the port free."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return f"localhost:{probe.getsockname()[1]}"


def run_together(program, *arguments):
    """How ``python -c program ARGUMENTS`` ends, once for each list of arguments, side by side.

    What does not end is killed.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *map(str, one)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for one in arguments
    ]
    try:
        outputs = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [
        End(process.returncode, out, error)
        for process, (out, error) in zip(processes, outputs, strict=True)
    ]
