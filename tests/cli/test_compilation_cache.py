"""Compiled programs are kept where asked, and never by the tests in the user's own cache."""

import os
import subprocess
import sys

import jax
import pytest

from cal_jax.cli.compilation_cache import keep_compiled
from cal_jax.errors import InputError

PROGRAM = """
import jax
from cal_jax.cli.compilation_cache import keep_compiled
jax.jit(lambda x: x + 1)(1.0)  # JAX has made up its mind about the cache
keep_compiled()
jax.jit(lambda x: x * 3 + 2)(1.0)
"""


def kept(home):
    """What the program says on stderr, of a user with this home."""
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**inherited, "XDG_CACHE_HOME": "", "HOME": str(home)},
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


def test_the_tests_keep_theirs_in_a_folder_of_their_own():
    folder = keep_compiled()
    assert str(folder) == os.environ["CAL_JAX_TESTS"]


@pytest.fixture(name="restored")
def restored_afterwards():
    """The folder of the tests, after one that chooses others."""
    yield
    jax.config.update("jax_enable_compilation_cache", True)
    keep_compiled(os.environ["CAL_JAX_TESTS"])


@pytest.mark.usefixtures("restored")
def test_a_folder_is_chosen_or_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--compilation-cache .*file/x: cannot be written"):
        keep_compiled(str(tmp_path / "file" / "x"))
    assert keep_compiled("off") is None
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("restored")
def test_nothing_is_kept_where_jax_is_told_so():
    jax.config.update("jax_enable_compilation_cache", False)
    assert keep_compiled() is None
    assert jax.config.jax_compilation_cache_dir is None
