import numpy as np
import pytest

from cal_jax.data.glyphs.clones import THRESHOLD, clone_groups, smallest_distance
from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.splits import position, split_families
from cal_jax.errors import InputError


def glyphs(families, images):
    faces = tuple(
        Face(f"{family} {row}", family, "regular", "upright", "normal", "", f"{row}.ttf")
        for row, family in enumerate(families)
    )
    return Glyphs(np.asarray(images, np.uint8), "AB", faces)


def flat(level):
    return np.full((2, 4, 4), level)


def test_families_are_joined_through_their_closest_faces():
    """Levels 10 of 255 apart look alike, RMSE 0.039; 20 apart, 0.078, do not."""
    made = glyphs("dabbc", [flat(level) for level in (200, 0, 100, 10, 110)])
    assert clone_groups(made) == (("a", "b", "c"), ("d",))
    assert clone_groups(made, 0.03) == (("a",), ("b",), ("c",), ("d",))
    assert clone_groups(made, 0.36) == (("a", "b", "c", "d"),)


def test_the_smallest_distance_is_that_of_two_faces():
    made = glyphs("abc", [flat(level) for level in (0, 51, 255)])
    one, other = made.take(np.array([0, 2])), made.take(np.array([1]))
    assert smallest_distance(one, other) == pytest.approx(0.2)
    with pytest.raises(InputError, match=r"letters AB and A, .*accepted: the same of both"):
        smallest_distance(one, other.only("A"))


def test_more_faces_than_are_compared_at_once(monkeypatch):
    monkeypatch.setattr("cal_jax.data.glyphs.clones._ROWS", 2)
    made = glyphs("dabbc", [flat(level) for level in (200, 0, 100, 10, 110)])
    assert clone_groups(made) == (("a", "b", "c"), ("d",))


def test_no_two_parts_have_faces_that_look_alike():
    parts = split_families(embedded(), (0.5, 0.25, 0.25), threshold := 0.1)
    assert threshold > THRESHOLD and len(clone_groups(embedded(), threshold)) < 41
    assert sum(len(part.faces) for part in parts) == len(embedded().faces)
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert not set(parts[one].families) & set(parts[other].families)
        assert smallest_distance(parts[one], parts[other]) >= threshold
    assert len(parts.train.families) == pytest.approx(20, abs=7)


def test_the_split_of_the_embedded_faces_is_frozen():
    parts = split_families(embedded())
    assert [len(part.families) for part in parts] == [28, 5, 8]


def test_other_families_leave_a_group_where_it_is():
    everything = embedded()
    half = everything.take(np.arange(len(everything.faces)) % 2 == 0)
    for part, of_half in zip(split_families(everything), split_families(half), strict=True):
        assert set(of_half.families) <= set(part.families)


def test_the_order_of_a_group_does_not_matter():
    assert position(("b", "a")) == position(("a", "b")) != position(("a", "c"))
    places = [position((str(n),)) for n in range(2000)]
    assert 0 <= min(places) < max(places) < 1
    assert np.mean(places) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("fractions", [(1, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5), (0.9, -0.1, 0.2)])
def test_fractions_that_are_refused(fractions):
    with pytest.raises(InputError, match=r"fractions .*accepted: three above 0 that add up to 1"):
        split_families(embedded(), fractions)


def test_a_part_without_faces_is_refused():
    with pytest.raises(InputError, match="no faces of 1 families; accepted: more families"):
        split_families(glyphs("a", [flat(0)]))
