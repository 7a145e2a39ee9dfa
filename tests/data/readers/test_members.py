"""Files of a zip or of its folder, and what is refused."""

import zipfile

import pytest

from cal_jax.data.readers import members
from cal_jax.data.readers.members import read_members
from cal_jax.errors import InputError


def write(folder, files):
    with zipfile.ZipFile(folder / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return folder


def test_a_zip_and_its_folder_hold_the_same_files(tmp_path):
    files = {"set/b/2.png": b"2", "set/a/1.png": b"1", "set/.DS_Store": b"", "__MACOSX/x": b""}
    write(tmp_path, {**files, "set/empty/": b""})
    expected = [("a/1.png", b"1"), ("b/2.png", b"2")]
    assert list(read_members(tmp_path, "set")) == expected
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "set.zip").unlink()
    assert list(read_members(tmp_path, "set")) == expected


@pytest.mark.parametrize("name", ["../a.png", "set/../../a.png", "/etc/a.png", "C:/a.png"])
def test_a_path_that_leaves_the_zip_is_named(tmp_path, name):
    write(tmp_path, {name: b"1"})
    with pytest.raises(InputError, match=r"set\.zip: .*a\.png' leaves the zip; accepted"):
        list(read_members(tmp_path, "set"))


def test_a_link_that_leaves_the_folder_is_named(tmp_path):
    (tmp_path / "outside.png").write_bytes(b"1")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(InputError, match=r"'a\.png' leaves"):
        list(read_members(tmp_path, "set"))


def test_missing_damaged_and_huge_zips_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"set\.zip: no such file; accepted: set\.zip, or its"):
        read_members(tmp_path, "set")
    write(tmp_path, {"a": b"x" * 1000})
    monkeypatch.setattr(members, "MAX_BYTES", 999)
    with pytest.raises(InputError, match="unpacks to 1000 bytes; accepted: 999"):
        list(read_members(tmp_path, "set"))
    monkeypatch.undo()
    whole = (tmp_path / "set.zip").read_bytes()
    for damaged in (b"no zip", whole[: len(whole) // 2], whole[:35] + b"??" + whole[37:]):
        (tmp_path / "set.zip").write_bytes(damaged)
        with pytest.raises(InputError, match=r"set\.zip: damaged or encrypted"):
            list(read_members(tmp_path, "set"))
