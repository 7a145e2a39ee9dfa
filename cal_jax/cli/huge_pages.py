"""Huge pages for what glibc's malloc hands to XLA, which asks for its buffers anew at every step.

A step of the context-aware learner at the thesis's size touches 360 MB of fresh
memory: 90,000 page faults, a fifth of its time. With huge pages there are some
400. glibc reads its tunables when a program starts, so the program is started
once more, before it has imported anything heavy.
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "GLIBC_TUNABLES"
TUNABLE = "glibc.malloc.hugetlb"
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def restart_with_huge_pages() -> None:
    """Start the running ``python -m`` program again with huge pages, where that helps.

    To be called while its package is imported. Whoever sets the tunable, to 0
    or to 1, is left alone.
    """
    if sys.argv[:1] != ["-m"]:
        return
    tunables = wanted_tunables(os.environ, platform.libc_ver()[0], _kernel_setting())
    if tunables is not None:
        os.environ[VARIABLE] = tunables
        os.execv(sys.executable, sys.orig_argv)


def wanted_tunables(environment: Mapping[str, str], libc: str, setting: str) -> str | None:
    """What ``GLIBC_TUNABLES`` should be, or None where it should stay as it is.

    Args:
      environment: the process's.
      libc: the C library's name.
      setting: the kernel's for huge pages: "always [madvise] never".
    """
    tunables = environment.get(VARIABLE, "")
    if libc != "glibc" or "[madvise]" not in setting or TUNABLE in tunables:
        return None
    return ":".join([*filter(None, [tunables]), f"{TUNABLE}=1"])


def _kernel_setting() -> str:
    try:
        return _SETTING.read_text()
    except OSError:
        return ""
