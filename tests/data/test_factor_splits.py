import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_splits import occurring
from cal_jax.errors import InputError

RNG = np.random.default_rng(0)
LETTER = RNG.choice(list("abcdef"), 300)
FONT = RNG.integers(9, size=300)
MISSING = (LETTER == "c") & (FONT == 4)
LETTER, FONT = LETTER[~MISSING], FONT[~MISSING]
X = np.arange(len(LETTER), dtype=np.float32)[:, None]


def dataset(**fields):
    return FactorDataset(X, {"letter": LETTER, "font": FONT}, **fields)


def turned(**fields):
    return dataset(
        rendered={"turn": ("0", "180")},
        render=lambda x, values, key: x + jnp.float32(0) * values[..., :1],
        **fields,
    )


def rows(data):
    return set(data.items[:, 0].astype(int).tolist())


def divided(train, test):
    assert rows(train).isdisjoint(rows(test))
    assert rows(train) | rows(test) == set(range(len(X)))
    for side in (train, test):
        assert side.value_names == dataset().value_names
        order = side.items[:, 0].astype(int)
        np.testing.assert_array_equal(side.table, dataset().table[order])


def test_by_item():
    train, test = dataset().split_by_item(0.25, seed=3)
    divided(train, test)
    assert test.num_items == round(0.25 * len(X))
    again, other = dataset().split_by_item(0.25, seed=3)[1], dataset().split_by_item(0.25)[1]
    assert rows(again) == rows(test) != rows(other)


def test_by_value():
    train, test = dataset().split_by_value("font", [2, "5"])
    divided(train, test)
    assert set(np.asarray(test.factors["font"])) == {2, 5}
    assert not set(np.asarray(train.factors["font"])) & {2, 5}


def test_by_a_share_of_values():
    train, test = dataset().split_by_value("font", 1 / 3, seed=1)
    divided(train, test)
    assert len(np.unique(test.factors["font"])) == 3
    assert len(np.unique(train.factors["font"])) == 6


def test_by_combination():
    held = [("a", 3), ("f", "8")]
    train, test = dataset().split_by_combination(("letter", "font"), held)
    divided(train, test)
    pairs = set(zip(test.factors["letter"].tolist(), test.factors["font"].tolist(), strict=True))
    assert pairs == {("a", 3), ("f", 8)}


def test_a_share_of_combinations_leaves_every_value_in_training():
    for seed in range(5):
        train, test = dataset().split_by_combination(("font", "letter"), 0.5, seed=seed)
        divided(train, test)
        occurs = occurring(dataset(), ("font", "letter"))
        held = occurring(test, ("font", "letter"))
        assert held.sum() == round(0.5 * occurs.sum())
        left = occurring(train, ("font", "letter"))
        assert left.any(axis=0).all() and left.any(axis=1).all()
        assert not (left & held).any()


def test_occurring_combinations():
    occurs = occurring(dataset(), ("font", "letter"))
    assert occurs.shape == (9, 6)
    assert not occurs[4, 2]
    assert occurs.sum() == len(set(zip(LETTER, FONT, strict=True)))


def test_a_rendered_factor_divides_what_all_items_may_show():
    train, test = turned().split_by_combination(("turn", "letter"), [("180", "b"), ("0", "e")])
    assert rows(train) == rows(test) == set(range(len(X)))
    left, held = (occurring(side, ("turn", "letter")) for side in (train, test))
    assert np.argwhere(held).tolist() == [[0, 4], [1, 1]]
    np.testing.assert_array_equal(left, ~held)
    again, _ = train.split_by_combination(("turn", "letter"), [("0", "a")])
    assert np.argwhere(~occurring(again, ("turn", "letter"))).tolist() == [[0, 0], [0, 4], [1, 1]]
    assert not occurring(train, ("letter", "turn"))[1, 1]
    assert occurring(train, ("letter", "font", "turn"))[1, :, 1].sum() == 0


LOOK_ALIKES = {("letter", "turn"): np.array([[0, 1], [2, 3], [4, 5], [3, 2], [6, 7], [8, 8]])}


def test_what_looks_alike_is_held_out_together():
    data = turned(look_alikes=LOOK_ALIKES)
    _, test = data.split_by_combination(("turn", "letter"), [("0", "b"), ("180", "d")])
    assert occurring(test, ("letter", "turn")).sum() == 2
    with pytest.raises(InputError, match=r"\(0, b\) and \(180, d\) look alike; accepted: all"):
        data.split_by_combination(("turn", "letter"), [("0", "b")])
    for seed in range(8):
        _, test = data.split_by_combination(("letter", "turn"), 0.34, seed=seed)
        held = occurring(test, ("letter", "turn"))
        classes = LOOK_ALIKES["letter", "turn"]
        assert len(np.unique(classes[held])) == 3
        assert not np.intersect1d(classes[held], classes[~held]).size


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        (lambda d: d.split_by_item(0.0), "fraction 0.0 of .* items; accepted"),
        (lambda d: d.split_by_item(1.0), "leaves items on both sides"),
        (lambda d: d.split_by_value("font", [11]), "'font': value '11'; accepted: 0, 1"),
        (lambda d: d.split_by_value("size", [1]), "factor 'size'; accepted: letter, font"),
        (lambda d: d.split_by_value("font", []), "held_out of font: 0 of the 9 combinations"),
        (lambda d: d.split_by_value("font", range(9)), "9 of the 9 .*; accepted: some, not all"),
        (lambda d: d.split_by_value("font", 0.01), "held_out 0.01: 0 of the 9 .*; accepted"),
        (lambda d: d.split_by_combination(("letter", "font"), 0.95), "leaves every value one"),
        (lambda d: d.split_by_combination(("letter", "font"), [("c", 4)]), "0 of the 53"),
        (lambda d: d.split_by_combination(("letter", "font"), ["a3"]), "'a3'; accepted: a tuple"),
        (lambda d: d.split_by_combination(("letter", "font"), [("a",)]), "accepted: a tuple of"),
        (lambda d: d.split_by_combination(("letter", "font"), 3), "accepted: tuples of values"),
        (lambda d: d.split_by_combination(("letter", "letter"), 0.5), "each once"),
        (
            lambda d: d.split_by_combination(("letter", "font"), np.ones((9, 6), bool)),
            r"held_out: shape \(9, 6\); accepted: \(6, 9\)",
        ),
    ],
)
def test_splits_that_are_refused(split, reason):
    with pytest.raises(InputError, match=reason):
        split(dataset())
