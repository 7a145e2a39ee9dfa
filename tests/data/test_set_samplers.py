"""Sets on the device: the items that stored rows name, and new ones as those drawn in advance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import device_sampler, render_sets, row_sampler, stored_sampler
from cal_jax.errors import InputError

DIGITS = np.repeat(np.arange(4), [4, 6, 9, 20])
X = np.stack([np.arange(len(DIGITS)), DIGITS], axis=1).astype(np.float32)
CONTEXTS = ("turn", "digit")
MIX = (((1, 0), 3), ((0, 1), 1), ((0, 0), 0))
SETS = 4000


def turned(x, values, key):
    """The item and its turn, after a number of the key's own."""
    noise = jnp.broadcast_to(jax.random.uniform(key), x.shape[:-1])[..., None]
    return jnp.concatenate([noise, x, values.astype(jnp.float32)], axis=-1)


def dataset(**fields):
    return FactorDataset(
        X, {"digit": DIGITS}, rendered={"turn": ("0", "90", "180")}, render=turned, **fields
    )


SHOWN = np.array([[1, 1, 0, 1], [1, 1, 1, 0], [1, 0, 1, 1]], bool)


def new_sets(data, contexts=CONTEXTS, count=SETS, **options):
    sampler = row_sampler(data, contexts, **options)
    keys = jax.random.split(jax.random.key(0), count)
    draw = jax.jit(jax.vmap(sampler.draw, in_axes=(0, None)))
    return jax.tree.map(np.asarray, draw(keys, jax.tree.map(jnp.asarray, sampler.tables)))


def close(found, expected, count):
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(0.5 / count))


def frequencies(values, sizes):
    cells = np.ravel_multi_index(tuple(values.T), sizes)
    return np.bincount(cells, minlength=np.prod(sizes)) / len(cells)


@pytest.mark.parametrize("shown", [{}, {CONTEXTS: SHOWN}])
@pytest.mark.parametrize("set_size", [4, (2, 5)])
def test_new_sets_are_distributed_as_those_drawn_in_advance(shown, set_size):
    data = dataset(shown=shown)
    new = new_sets(data, set_size=set_size, mix=MIX)
    stored = draw_context_sets(
        np.random.default_rng(0), data, CONTEXTS, num_sets=SETS, set_size=set_size, mix=MIX
    )
    np.testing.assert_array_equal(DIGITS[new.items], new.values[..., 1])
    constant = (new.values == new.values[:, :1]).all(axis=1)
    assert constant[new.constant_mask == 1].all()
    assert set(map(tuple, new.constant_mask)) == {(0, 1), (1, 0)}
    close(new.constant_mask.mean(axis=0), [0.75, 0.25], SETS)
    for mask in ([1, 0], [0, 1]):
        ours, theirs = (
            part.values[(part.constant_mask == mask).all(axis=1)] for part in (new, stored)
        )
        for pair in ((0, 0), (0, 1), (1, 1)):  # of items: each by itself, and two together
            both = [part[:, pair].reshape(len(part), -1) for part in (ours, theirs)]
            found = [frequencies(part, (3, 4, 3, 4)) for part in both]
            close(*found, len(ours))
    columns = np.arange(new.items.shape[1])
    sizes = new.mask.sum(axis=1) if new.mask is not None else np.full(SETS, 4)
    for row, size in zip(new.items, sizes.astype(int), strict=True):
        assert len(np.unique(row[:size])) == size
        assert (row[size:] == row[0]).all()
    if new.mask is None:
        assert stored.mask is None and set_size == 4
    else:
        np.testing.assert_array_equal(new.mask, columns < sizes[:, None])
        close(new.mask.mean(axis=0), stored.mask.mean(axis=0), SETS)


def test_single_items_run_out_and_others_take_their_place():
    cells = np.indices((3, 5)).reshape(2, -1).T
    data = FactorDataset(np.zeros((15, 1), np.uint8), {"a": cells[:, 0], "b": cells[:, 1]})
    new = new_sets(data, ("a", "b"), set_size=4, mix=[((1, 0), 1)])
    np.testing.assert_array_equal(cells[new.items], new.values)
    assert (np.diff(np.sort(new.items, axis=1), axis=1) > 0).all()
    for item in range(4):
        close(frequencies(new.values[:, item], (3, 5)), np.full(15, 1 / 15), SETS)


def test_a_set_can_use_every_item_of_its_group():
    data = FactorDataset(X[:10], {"digit": DIGITS[:10], "half": np.arange(10) % 2})
    new = new_sets(data, ("digit", "half"), count=200, set_size=6, mix=[((1, 0), 1)])
    assert (np.sort(new.items, axis=1) == np.arange(4, 10)).all()


def test_a_step_reads_what_a_set_shows():
    sampler = device_sampler(dataset(), CONTEXTS, set_size=(2, 5), mix=MIX)
    draw = jax.jit(jax.vmap(sampler.draw, in_axes=(0, None, 0)))
    keys = jax.random.split(jax.random.key(1), 50)
    data = jax.tree.map(jnp.asarray, sampler.data)
    (x, a), mask = draw(keys, data, jnp.zeros(50, jnp.int32))
    again = draw(keys, data, jnp.arange(50, dtype=jnp.int32))
    np.testing.assert_array_equal(x, again.data[0])
    assert x.shape == (50, 5, 4) and a.shape == (50, 2) and mask.shape == (50, 5)
    rows, digits, turns = np.moveaxis(np.asarray(x)[..., 1:], -1, 0).astype(int)
    np.testing.assert_array_equal(DIGITS[rows], digits)
    assert (turns == turns[:, :1])[np.asarray(a)[:, 0] == 1].all()
    assert (digits == digits[:, :1])[np.asarray(a)[:, 1] == 1].all()
    assert len(np.unique(np.asarray(x)[:, 0, 0])) == 50  # each set has a key of its own
    assert len(np.unique(rows)) > 20


def test_stored_sets_show_their_rows():
    data = dataset()
    sets = draw_context_sets(
        np.random.default_rng(0), data, CONTEXTS, num_sets=600, set_size=(2, 5)
    )
    sampler = stored_sampler(data, CONTEXTS, sets)
    arrays = jax.tree.map(jnp.asarray, sampler.data)
    (x, a), mask = jax.jit(sampler.draw)(jax.random.key(0), arrays, jnp.int32(7))
    np.testing.assert_array_equal(a, sets.constant_mask[7])
    np.testing.assert_array_equal(mask, sets.mask[7])
    expected = np.concatenate([X[sets.items], sets.values[..., :1]], axis=-1)
    np.testing.assert_array_equal(x[:, 1:], expected[7])
    shown = render_sets(data, CONTEXTS, sets, jax.random.key(0))
    assert shown.shape == (600, 5, 4)
    np.testing.assert_array_equal(shown[..., 1:], expected)
    assert len(np.unique(shown[..., 0])) == 600
    assert shown.dtype == np.float32


def test_items_without_a_render_are_shown_as_they_are():
    data = FactorDataset(X.astype(np.uint8), {"digit": DIGITS})
    sets = draw_context_sets(np.random.default_rng(0), data, ("digit",), num_sets=9, set_size=3)
    shown = render_sets(data, ("digit",), sets, jax.random.key(0))
    np.testing.assert_array_equal(shown, X[sets.items])
    assert shown.dtype == np.uint8
    x = stored_sampler(data, ("digit",), sets)
    one = x.draw(jax.random.key(0), jax.tree.map(jnp.asarray, x.data), jnp.int32(2))
    assert one.mask is None
    np.testing.assert_array_equal(one.data[0], shown[2])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"set_size": 0}, "set_size 0; accepted: 1 or more"),
        ({"set_size": 21}, r"mask \(0, 1\) of \(turn, digit\): .* set_size up to 20, not 21"),
        ({"set_size": 2, "mix": (((1,), 1),)}, "mix: mask"),
        ({"set_size": 2, "mix": (((1, 0), 0),)}, "mix: weights"),
    ],
)
def test_bad_arguments(options, reason):
    with pytest.raises(InputError, match=reason):
        device_sampler(dataset(), CONTEXTS, **options)
