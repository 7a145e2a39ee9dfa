"""Programs collect garbage rarely; who imports one function is left as he was."""

import gc
import subprocess
import sys

import pytest

from cal_jax.cli import program


@pytest.fixture(name="python_s_own")
def collections_as_python_has_them():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_a_program_collects_rarely(python_s_own):
    seen = []
    assert program.exit_code(lambda: seen.append(gc.get_threshold()[0])) == 0
    assert seen[0] > 10_000


def test_an_import_changes_nothing():
    code = "import gc; was = gc.get_threshold(); import cal_jax.cli.program; "
    code += "print(was == gc.get_threshold())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"
