"""The reader of spoken digits, on an archive and a folder of made recordings."""

import zipfile

import numpy as np
import pytest

from cal_jax.data import spoken_digits
from cal_jax.data.spoken_digits import ARCHIVE, read_spoken_digits
from cal_jax.errors import InputError
from tests.data.voices import files, waveform, write_archive, write_folder

FILES = files(digits=2, takes=2)


def test_recordings_come_in_order_from_an_archive_or_a_folder(tmp_path):
    zipped, loose = tmp_path / "zipped", tmp_path / "loose"
    zipped.mkdir(), loose.mkdir()
    inside = {f"recordings/{name}": body for name, body in reversed(FILES.items())}
    write_archive(zipped, {"recordings/": b"", "README.md": b"text", **inside})
    write_folder(loose, {**FILES, "notes.txt": b"text"})
    found = read_spoken_digits(zipped)
    assert [one.name for one in found] == sorted(FILES)
    assert found[3][:3] == ("0", "bob", 1)
    np.testing.assert_allclose(found[3].waveform, waveform(0, "bob", 1), atol=2.0**-15)
    for one, other in zip(found, read_spoken_digits(loose), strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_takes_are_numbers_not_words(tmp_path):
    found = read_spoken_digits(write_archive(tmp_path, files(1, ("ann",), 12)))
    assert [one.take for one in found] == list(range(12))


@pytest.mark.parametrize("write", [write_archive, write_folder])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ten_ann_0.wav": FILES["0_ann_0.wav"]}, "the name 'ten_ann_0.wav'; accepted: DIGIT_"),
        ({"0_ann_00.wav": FILES["0_ann_0.wav"]}, "the name '0_ann_00.wav'"),
        ({"1_bob_1.wav": b""}, "1_bob_1.wav: no WAV file"),
        ({"1_bob_1.wav": FILES["1_bob_1.wav"][:-9]}, "1_bob_1.wav: "),
        ({"1_bob_1.wav": None}, "no 1_bob_1.wav; accepted: takes 0 to 1 of each of the digits 0"),
        ({"1_bob_2.wav": FILES["1_bob_1.wav"]}, "no 0_ann_2.wav; accepted: takes 0 to 2 of"),
        (dict.fromkeys(FILES), "no recordings; accepted: a directory with recordings.zip"),
    ],
)
def test_a_bad_file_is_named(write, change, message, tmp_path):
    named = {name: body for name, body in {**FILES, **change}.items() if body is not None}
    write(tmp_path, named)
    with pytest.raises(InputError) as refused:
        read_spoken_digits(tmp_path)
    assert message in str(refused.value) and str(refused.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["../0_ann_0.wav", "/0_ann_0.wav", "a/../../0_ann_0.wav", "c:\\0_ann_0.wav", "..\\x"]
)
def test_a_path_that_leaves_the_archive_is_refused(name, tmp_path):
    write_archive(tmp_path, {**FILES, name: FILES["0_ann_0.wav"]})
    with pytest.raises(InputError, match="leaves the archive; accepted: paths inside it"):
        read_spoken_digits(tmp_path)


def test_links_seconds_large_files_and_damage_are_refused(tmp_path, monkeypatch):
    write_archive(tmp_path, {**FILES, "again/0_ann_0.wav": FILES["0_ann_0.wav"]})
    with pytest.raises(InputError, match=r"a second 0_ann_0.wav; accepted: each recording once"):
        read_spoken_digits(tmp_path)
    link = zipfile.ZipInfo("0_cy_0.wav")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / ARCHIVE, "w") as archive:
        archive.writestr(link, "elsewhere")
    with pytest.raises(InputError, match=r"0_cy_0.wav: a link; accepted: files"):
        read_spoken_digits(tmp_path)
    body = (write_archive(tmp_path, FILES) / ARCHIVE).read_bytes()
    start = body.index(FILES["0_ann_0.wav"][100:200])
    for damaged in (body[:-40], body[:start] + b"\0" + body[start + 1 :], b"no archive"):
        (tmp_path / ARCHIVE).write_bytes(damaged)
        with pytest.raises(InputError, match=r"recordings.zip: damaged or encrypted"):
            read_spoken_digits(tmp_path)
    write_archive(tmp_path, FILES)
    monkeypatch.setattr(spoken_digits, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="over 100 bytes"):
        read_spoken_digits(tmp_path)


def test_no_directory_is_named_with_its_reason(tmp_path):
    with pytest.raises(InputError, match="nowhere: No such file or directory; accepted: a direc"):
        read_spoken_digits(tmp_path / "nowhere")
