"""The environment that the tests themselves run in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.xla_flags import FLAGS

GIVEN = "--xla_cpu_enable_fast_math=false"


@pytest.mark.parametrize(
    ("given", "flags"),
    [(GIVEN, f"{GIVEN} {FLAGS}"), ("", FLAGS), (f"{GIVEN} {FLAGS}", f"{GIVEN} {FLAGS}")],
    ids=["a flag", "none", "inherited"],
)
def test_flags_of_the_caller_leave_those_of_the_tests_on(given, flags):
    output = subprocess.run(
        [sys.executable, "-c", "import os, tests.conftest; print(os.environ['XLA_FLAGS'])"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "XLA_FLAGS": given},
    )
    assert output.stdout.strip() == flags
