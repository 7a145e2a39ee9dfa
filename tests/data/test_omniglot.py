"""Omniglot's zips: images, factors, one-shot runs, and what is refused."""

import zipfile

import numpy as np
import pytest

from cal_jax.data.area_average import area_average
from cal_jax.data.centre import centred
from cal_jax.data.omniglot import NAMES, decode_ink, read_omniglot
from cal_jax.data.omniglot_runs import NAME, read_run_ink, runs_of, shrunk
from cal_jax.errors import InputError
from tests.data.omniglot_zips import ink_of, part_files, png, run_files, write_part, write_zip

ALPHABETS = {"Aa": 2, "Bb_(long)": 3}
ZIP = NAMES["small1"]


def test_images_and_factors_of_a_zip_and_of_its_folder(tmp_path):
    write_part(tmp_path, "small1", part_files(ALPHABETS))
    data = read_omniglot(tmp_path, "small1", 21)
    assert data.items.shape == (30, 21, 21) and data.names == ("alphabet", "character", "hand")
    assert data.sizes == {"alphabet": 2, "character": 5, "hand": 12}
    row = int(np.flatnonzero(data.factors["hand"] == "Bb_(long)/04")[1])
    assert data.factors["character"][row] == "Bb_(long)/character02"
    assert data.factors["alphabet"][row] == "Bb_(long)"
    np.testing.assert_array_equal(data.items[row], area_average(ink_of((1, 2, 4))[None], 21)[0])
    moved = read_omniglot(tmp_path, "small1", 21, centre=True)
    expected = area_average(centred(ink_of((1, 2, 4))[None]), 21)[0]
    np.testing.assert_array_equal(moved.items[row], expected)
    with zipfile.ZipFile(tmp_path / f"{ZIP}.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / f"{ZIP}.zip").unlink()
    np.testing.assert_array_equal(read_omniglot(tmp_path, "small1", 21).items, data.items)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("Aa/character01/0001_01.png", b"no image", "0001_01.png: no image"),
        ("Aa/character01/0001_01.png", png(ink_of(0))[:80], "0001_01.png: damaged"),
        ("Aa/character01/0001_01.png", png(ink_of(0)[:50]), r"\(50, 105\); accepted: \(105, 105\)"),
        ("Aa/0001_01.png", png(ink_of(0)), "'Aa/0001_01.png'; accepted: ALPHABET/characterCC"),
        ("Aa/character01/9_1.png", png(ink_of(0)), "'Aa/character01/9_1.png'; accepted"),
        ("Aa/character01/0002_02.png", png(ink_of(0)), "Aa/character01 by Aa/02 is there twice"),
    ],
)
def test_a_bad_member_is_named_with_its_zip(tmp_path, path, content, message):
    write_part(tmp_path, "small1", {**part_files({"Aa": 1}), path: content})
    with pytest.raises(InputError, match=message) as caught:
        read_omniglot(tmp_path, "small1", 28)
    assert ZIP in str(caught.value)


def test_a_missing_zip_part_or_image_is_refused(tmp_path):
    with pytest.raises(InputError, match=f"{ZIP}.zip: no such file"):
        read_omniglot(tmp_path, "small1", 28)
    with pytest.raises(InputError, match="part 'small3'; accepted: small1, small2, background"):
        read_omniglot(tmp_path, "small3", 28)
    write_part(tmp_path, "small1", {})
    with pytest.raises(InputError, match="no images; accepted: ALPHABET"):
        read_omniglot(tmp_path, "small1", 28)


@pytest.fixture(name="runs", scope="module")
def published_runs():
    return run_files()


def test_queries_stand_in_the_order_of_their_classes(tmp_path, runs):
    ink = read_run_ink(write_zip(tmp_path, NAME, runs))
    assert ink.classes.shape == ink.queries.shape == (20, 20, 105, 105)
    np.testing.assert_array_equal(ink.queries, np.roll(ink.classes, 1, axis=2))
    own = decode_ink(runs["run03/training/class20.png"], "")
    np.testing.assert_array_equal(ink.classes[2, 0], own)  # of item01
    np.testing.assert_array_equal(shrunk(ink, 28).queries[2], area_average(ink.queries[2], 28))
    moved = area_average(centred(ink.classes[2]), 28)
    np.testing.assert_array_equal(shrunk(ink, 28, centre=True).classes[2], moved)


def without_labels(files):
    del files["run02/class_labels.txt"]


def with_a_wrong_label(files):
    files["run02/class_labels.txt"] += b"\nrun02/test/item01.png run02/training/class99.png"


def with_a_class_twice(files):
    files["run02/class_labels.txt"] = files["run02/class_labels.txt"].replace(b"19.png", b"20.png")


def with_a_short_row(files):
    files["run02/class_labels.txt"] = b"run02/test/item01.png\n"


def with_another_image(files):
    files["run02/training/class21.png"] = files["run02/training/class20.png"]


def with_an_unknown_file(files):
    files["run02/notes.txt"] = b""


def without_a_run(files):
    """Eighteen are missing already."""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_labels, "run02: no class_labels.txt; accepted: runRR/training"),
        (with_a_wrong_label, "run02/class_labels.txt: 'run02/test/item01.png'; accepted: each"),
        (with_a_class_twice, "run02/class_labels.txt: 'run02/t.*'; accepted: each image"),
        (with_a_short_row, "run02/class_labels.txt, row 1: 1 words; accepted: TEST CLASS"),
        (with_another_image, "run02: 20 labels of 41 images; accepted: 20 labels"),
        (with_an_unknown_file, "'run02/notes.txt'; accepted: runRR/training/classCC.png"),
        (without_a_run, "2 runs; accepted: 20"),
    ],
)
def test_other_runs_are_refused(tmp_path, runs, change, message):
    files = {path: data for path, data in runs.items() if path[:5] in ("run01", "run02")}
    change(files)
    with pytest.raises(InputError, match=message):
        read_run_ink(write_zip(tmp_path, NAME, files))


def test_runs_of_ones_own_images_have_two_hands_and_shared_characters(tmp_path):
    write_part(tmp_path, "small2", part_files({"Aa": 4, "Bb": 3}))
    data = read_omniglot(tmp_path, "small2", 28)
    runs = runs_of(data, 4, seed=1)
    assert runs.classes.shape == (4, 3, 28, 28)
    rows = {item.tobytes(): row for row, item in enumerate(data.items)}
    alphabet, character, hand = data.columns(("alphabet", "character", "hand")).T
    for run, (classes, queries) in enumerate(zip(*runs, strict=True)):
        own = [rows[item.tobytes()] for item in classes]
        asked = [rows[item.tobytes()] for item in queries]
        assert (alphabet[own] == run % 2).all() and len(set(character[own])) == 3
        np.testing.assert_array_equal(character[own], character[asked])
        assert len(set(hand[own])) == len(set(hand[asked])) == 1
        assert hand[own[0]] != hand[asked[0]]
    again = runs_of(data, 4, seed=1)
    np.testing.assert_array_equal(runs.queries, again.queries)
    one_hand = data.take(data.columns(["hand"])[:, 0] == 0)
    with pytest.raises(InputError, match="alphabet Aa: 4 characters by 1 hands; accepted: two"):
        runs_of(one_hand, 1, seed=0)
