"""Provenance of a result: devices, versions and source revision, without paths."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "distrax", "numpy", "orbax-checkpoint")


def device_description() -> str:
    """The devices of this process, as ``cpu: Intel(R) Xeon(R) Processor, 2 cores``.

    An accelerator reads ``gpu: NVIDIA H100 80GB HBM3, 1 device``; several CPU
    devices are counted too, and several processes: ``, in each of 2 processes``.
    """
    processes = jax.process_count()
    return _local_devices() + (f", in each of {processes} processes" if processes > 1 else "")


def _local_devices() -> str:
    devices = jax.local_devices()
    kinds = ", ".join(sorted({device.device_kind for device in devices}))
    count = f"{len(devices)} device{'s' if len(devices) > 1 else ''}"
    if devices[0].platform != "cpu":
        return f"{devices[0].platform}: {kinds}, {count}"
    here = cores()
    words = [_cpu_name(), f"{here} core{'s' if here > 1 else ''}"]
    return "cpu: " + ", ".join(words + ([count] if len(devices) > 1 else []))


def versions() -> dict[str, str]:
    """The versions of Python, cal_jax and its dependencies; absent packages are omitted."""
    found = {"python": platform.python_version()}
    for name, package in [("cal_jax", "cal-jax"), *((name, name) for name in PACKAGES)]:
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


def source_revision() -> str | None:
    """The git commit of this source, with ``-dirty`` where tracked files differ from it.

    Changes in ``results/`` do not count: they are records of runs.
    None outside a checkout of cal_jax, or without git.
    """
    # An installed copy may lie inside another project's checkout, so query this file.
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git("rev-parse", "--short=12", "HEAD")
    source = ("--", ":/", ":(top,exclude)results")
    changes = _git("--no-optional-locks", "status", "--porcelain", "--untracked-files=no", *source)
    if not commit or changes is None:
        return None
    return f"{commit}-dirty" if changes else commit


def _git(*arguments: str) -> str | None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def cores() -> int:
    """The number of CPU cores available to this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"
