"""Programs are started again with huge pages where they help, once, and never a test run."""

import os
import subprocess
import sys

import pytest

from cal_jax.cli.huge_pages import wanted_tunables

MADVISE = "always [madvise] never\n"


@pytest.mark.parametrize(
    ("environment", "libc", "setting", "want"),
    [
        ({}, "glibc", MADVISE, "glibc.malloc.hugetlb=1"),
        ({"GLIBC_TUNABLES": "a.b=2"}, "glibc", MADVISE, "a.b=2:glibc.malloc.hugetlb=1"),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}, "glibc", MADVISE, None),
        ({}, "glibc", "[always] madvise never\n", None),
        ({}, "glibc", "", None),
        ({}, "", MADVISE, None),
    ],
)
def test_the_tunable_is_added_only_where_it_helps(environment, libc, setting, want):
    assert wanted_tunables(environment, libc, setting) == want


def test_a_program_is_started_again_once_with_its_arguments(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(
        "from cal_jax.edge import huge_pages\n"
        "huge_pages._kernel_setting = lambda: 'always [madvise] never'\n"
        "huge_pages.platform.libc_ver = lambda: ('glibc', '2.36')\n"
        "print('imported')\n"
        "huge_pages.restart_with_huge_pages()\n"
    )
    (tmp_path / "package" / "program.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.environ['GLIBC_TUNABLES'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-u", "-m", "package.program", "--flag", "a b"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "imported",
        "imported",
        "['--flag', 'a b'] glibc.malloc.hugetlb=1",
    ]
