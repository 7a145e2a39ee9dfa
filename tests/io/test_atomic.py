"""A file is written whole or not at all."""

import os
import stat

import pytest

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one")
    assert write_atomically(path, b"two") == path
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failure_keeps_the_old_file(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "file", b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
