import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import joint_codes
from cal_jax.errors import InputError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
SPEAKER = ["b", "a", "b", "c", "a", "c"]
VOWEL = np.array([10, 2, 2, 10, 10, 2])


def dataset(items=X, **changes):
    columns = {"speaker": SPEAKER, "vowel": VOWEL} | changes
    return FactorDataset(items, columns)


def scaled(items, values, key):
    return items * (1 + values[..., 0, None])


def rendered(**changes):
    fields = {"rendered": {"scale": ("one", "two")}, "render": scaled} | changes
    return FactorDataset(X, {"speaker": SPEAKER}, **fields)


def test_codes_are_places_among_the_sorted_values():
    data = dataset()
    assert data.names == ("speaker", "vowel")
    assert data.value_names == {"speaker": ("a", "b", "c"), "vowel": ("2", "10")}
    np.testing.assert_array_equal(data.table, [[1, 1], [0, 0], [1, 0], [2, 1], [0, 1], [2, 0]])
    assert data.table.dtype == np.int32
    assert (data.num_items, data.event_shape) == (6, (4,))
    assert data.items is X


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (["10", "9", "10", "9", "9", "9"], ("9", "10")),
        ([True, False] * 3, ("False", "True")),
        ([0.5, -1.0, 0.5, 0.5, 0.5, 10.0], ("-1.0", "0.5", "10.0")),
        (["x1", "x10", "x9", "x9", "x9", "x9"], ("x1", "x10", "x9")),
        (jnp.array([3, 1, 3, 1, 1, 1]), ("1", "3")),
        (["only"] * 6, ("only",)),
    ],
)
def test_order_of_values(column, names):
    data = dataset(vowel=column)
    assert data.value_names["vowel"] == names
    np.testing.assert_array_equal(
        np.asarray(data.value_names["vowel"])[data.columns(["vowel"])[:, 0]],
        [str(value) for value in np.asarray(column)],
    )


def test_a_given_order_may_hold_values_that_no_item_has():
    data = FactorDataset(X, {"vowel": VOWEL}, value_names={"vowel": (10, 5, 2)})
    assert data.sizes == {"vowel": 3}
    np.testing.assert_array_equal(data.table[:, 0], [0, 2, 2, 0, 0, 2])
    with pytest.raises(InputError, match="'vowel': row 1 is '2'; accepted: 10, 5"):
        FactorDataset(X, {"vowel": VOWEL}, value_names={"vowel": (10, 5)})


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.float32])
def test_finite_floats_become_float32(dtype):
    data = dataset(X.astype(dtype))
    assert data.items.dtype == np.float32
    np.testing.assert_array_equal(data.items, X)


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 5, 7, 3), (6, 9), (6, 4, 2)])
def test_uint8_of_any_shape_stays(shape):
    data = dataset(np.zeros(shape, np.uint8))
    assert data.items.dtype == np.uint8
    assert data.event_shape == shape[1:]


HOLED = X.copy()
HOLED[3, 2] = np.nan
HUGE = X.astype(np.float64)
HUGE[5, 0] = 1e39


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (X.astype(np.int64), r"items: int64; accepted: uint8 or float32 \[I, ...\]: convert"),
        (X > 3, "items: bool; accepted: uint8 or float32"),
        (X.astype(complex), "items: complex128; accepted"),
        (np.array([[1], [None]] * 3), "items: an array of Python objects; accepted"),
        ([[1.0], [1.0, 2.0]], "items: of several shapes; accepted"),
        (X[:, 0], r"items: shape \(6,\); accepted: .*\[I, 1\] for single numbers"),
        (np.zeros((0, 4), np.float32), r"items: shape \(0, 4\), nothing in it; accepted"),
        (np.zeros((6, 0), np.float32), "nothing in it; accepted"),
        (HOLED, "items: row 3 holds NaN or infinity; accepted: finite"),
        (HUGE, "items: row 5 holds NaN or infinity; accepted: finite float32"),
    ],
)
def test_items_that_are_refused(items, reason):
    with pytest.raises(InputError, match=reason):
        dataset(items)


def test_a_row_that_is_not_finite_is_found_beyond_the_first_piece(monkeypatch):
    monkeypatch.setattr("cal_jax.data.factor_table.CHUNK_BYTES", 32)
    with pytest.raises(InputError, match="items: row 3 holds NaN"):
        dataset(HOLED)
    np.testing.assert_array_equal(dataset(X.astype(np.float64)).items, X)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (VOWEL[:5], r"'vowel': shape \(5,\); accepted: \(6,\), one value an item"),
        (VOWEL[:, None], r"'vowel': shape \(6, 1\); accepted: \(6,\)"),
        ([1, 2, None, 2, 1, 2], "'vowel': object; accepted: strings"),
        ([[1], [1, 2]], "'vowel': not one value an item; accepted"),
        (np.array([b"a"] * 6), r"'vowel': \|S1; accepted: strings"),
        ([1.0, 2.0, 1.0, np.nan, 2.0, 1.0], "'vowel': row 3 is NaN or infinity; accepted"),
        (["a", "", "a", "b", "b", "a"], "'vowel': row 1 is an empty string; accepted"),
    ],
)
def test_columns_that_are_refused(column, reason):
    with pytest.raises(InputError, match=reason):
        dataset(vowel=column)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: FactorDataset(X, {}), "factors: none; accepted: 1 or more"),
        (lambda: FactorDataset(X, {"": VOWEL}), "factor ''; accepted: names"),
        (lambda: rendered(value_names={"pitch": ("a",)}), "value_names of pitch; accepted"),
        (lambda: rendered(rendered={"speaker": ("a",)}), "factor 'speaker'; accepted: .*once"),
        (lambda: rendered(rendered={"scale": ()}), "'scale': value names .*; accepted: 1 or more"),
        (lambda: rendered(rendered={"scale": ("a", "a")}), "each once"),
        (lambda: rendered(render=None), "rendered factors scale without a render; accepted"),
        (lambda: rendered(render=lambda x, v, k: x[0]), r"render: 3 items of \(4,\) give float32"),
        (lambda: rendered(render=lambda x, v, k: x > 0), "give bool .*; accepted: uint8 or float"),
        (lambda: rendered(shown={("scale",): np.ones(3, bool)}), r"shown \('scale',\): bool \(3,"),
        (lambda: rendered(shown={("pitch",): np.ones(2, bool)}), "shown: .*pitch.*; accepted"),
        (lambda: rendered(look_alikes={("scale",): np.ones(2)}), "float64 .*; accepted: integers"),
        (lambda: rendered().show(("speaker",)), "without scale, which are rendered; accepted"),
        (lambda: dataset().code("vowel", 3), "'vowel': value '3'; accepted: 2, 10"),
        (lambda: dataset().code("pitch", 3), "factor 'pitch'; accepted: speaker, vowel"),
        (lambda: dataset().grouped("who", ("speaker",)), "accepted: two or more of the columns"),
        (
            lambda: dataset().grouped("vowel", ("speaker", "vowel")),
            "accepted: a name beside speaker",
        ),
        (lambda: rendered().grouped("both", ("speaker", "scale")), "accepted: two or more of the"),
    ],
)
def test_data_sets_that_are_refused(build, reason):
    with pytest.raises(InputError, match=reason) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_rendered_factors_show_items_by_their_values():
    data = rendered()
    assert data.names == ("speaker", "scale")
    assert data.value_names["scale"] == ("one", "two")
    assert data.event_shape == (4,)
    values = jnp.array([[2, 1], [1, 0]])
    x = jax.jit(data.show(("speaker", "scale")))(data.items[:2], values, jax.random.key(0))
    np.testing.assert_array_equal(x, X[:2] * [[2], [1]])


def test_a_render_may_change_the_shape():
    data = rendered(render=lambda x, v, k: x.reshape(*x.shape[:-1], 2, 2))
    assert data.event_shape == (2, 2)


def test_grouped_columns_have_the_combinations_that_occur():
    data = dataset().grouped("both", ("vowel", "speaker"))
    assert data.names == ("speaker", "vowel", "both")
    names = data.value_names["both"]
    assert names == ("2 / a", "2 / b", "2 / c", "10 / a", "10 / b", "10 / c")
    shown = [names[code] for code in data.columns(["both"])[:, 0]]
    assert shown == [f"{v} / {s}" for s, v in zip(SPEAKER, VOWEL, strict=True)]


def test_taken_rows_keep_the_codes():
    data = dataset().take(np.array([3, 0]))
    np.testing.assert_array_equal(data.table, [[2, 1], [1, 1]])
    np.testing.assert_array_equal(data.items, X[[3, 0]])
    assert data.value_names == dataset().value_names


def test_joint_codes_survive_more_combinations_than_an_integer_counts():
    rng = np.random.default_rng(0)
    columns = rng.integers(2, size=(200, 12))
    wide = joint_codes(columns, [1 << 20] * 12)
    narrow = joint_codes(columns, [2] * 12)
    np.testing.assert_array_equal(
        np.unique(wide, return_inverse=True)[1], np.unique(narrow, return_inverse=True)[1]
    )
    assert (wide >= 0).all()


def test_the_guide_s_example_runs():
    guide = (Path(__file__).parents[2] / "docs" / "howto" / "data.md").read_text()
    found = {}
    exec(re.search(r"```python\n(.*?)```", guide, re.S)[1], found)
    sets, test = found["sets"], found["test"]
    assert sets.items.shape == (1000, 10)
    assert set(sets.mask.sum(axis=1)) == set(range(4, 11))
    assert len(np.unique(test.factors["speaker"])) == 3
