"""Compiled programs are kept where asked, and never by the tests in the user's own cache."""

import os
import subprocess
import sys

import jax
import pytest

from cal_jax.compiled import keep_compiled
from cal_jax.errors import InputError

PROGRAM = """
import jax
from cal_jax.compiled import keep_compiled
jax.jit(lambda x: x + 1)(1.0)  # JAX has made up its mind about the cache
keep_compiled()
jax.jit(lambda x: x * 3 + 2)(1.0)
"""


def kept(home):
    """What the program says on stderr, of a user with this home."""
    allowed = {"JAX_ENABLE_COMPILATION_CACHE": "true", "XDG_CACHE_HOME": "", "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **allowed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stderr


def test_programs_are_kept_in_the_user_s_cache_and_its_folder_is_said(tmp_path):
    folder = tmp_path / ".cache" / "cal_jax" / "compiled"
    assert kept(tmp_path) == f"compiled programs are kept in {folder}\n"
    assert list(folder.iterdir())


def test_nothing_is_kept_here():
    assert keep_compiled() is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.fixture(name="enabled")
def enabled_here():
    """As outside the tests."""
    jax.config.update("jax_enable_compilation_cache", True)
    yield
    jax.config.update("jax_enable_compilation_cache", False)


@pytest.mark.usefixtures("enabled")
def test_a_folder_is_chosen_or_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--compilation-cache .*file/x: cannot be written"):
        keep_compiled(str(tmp_path / "file" / "x"))
    assert keep_compiled("off") is None
    assert capsys.readouterr().err == ""
