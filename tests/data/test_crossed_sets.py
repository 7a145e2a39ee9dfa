"""Crossed sets drawn on the device: a few values of each context, every combination."""

import jax
import numpy as np
import pytest

from cal_jax.data.crossed_sets import crossed_sampler, largest_group_count
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError

LETTERS, FACES, COPIES = 5, 7, 2
SIZES = {"letter": 3, "face": 4}
GIVEN = {"face": (1, 2)}


def dataset(missing=()):
    """Items whose pixels are their letter, face and copy."""
    rows = np.indices((LETTERS, FACES, COPIES)).reshape(3, -1).T
    kept = np.asarray([tuple(row[:2]) not in missing for row in rows])
    rows = rows[kept]
    return FactorDataset(
        rows.astype(np.float32), {"letter": rows[:, 0].astype(str), "face": rows[:, 1].astype(str)}
    )


def drawn(sampler, count=40):
    draw = jax.jit(jax.vmap(sampler.draw, in_axes=(0, None, None)))
    data = jax.tree.map(np.asarray, sampler.data)
    keys = jax.random.split(jax.random.key(0), count)
    return jax.tree.map(np.asarray, draw(keys, data, 0))


@pytest.fixture(scope="module")
def tables():
    return drawn(crossed_sampler(dataset(), SIZES, GIVEN))


def test_items_of_a_group_share_its_value_and_groups_differ(tables):
    (x, groups, _), mask = tables
    assert x.shape == (40, 12, 3) and (mask == 1).all()
    assert largest_group_count(SIZES) == 4
    for table, of_items in zip(x, groups, strict=True):
        for k, size in enumerate(SIZES.values()):
            values = [set(table[of_items[:, k] == g, k]) for g in range(size)]
            assert all(len(found) == 1 for found in values)
            assert len(set.union(*values)) == size
        assert len({tuple(pair) for pair in of_items}) == 12


def test_every_value_and_every_item_of_a_combination_is_drawn(tables):
    (x, _, _), _ = tables
    for k, count in enumerate((LETTERS, FACES, COPIES)):
        assert set(x[..., k].reshape(-1)) == set(range(count))


def test_as_many_items_of_each_group_are_given_as_asked(tables):
    (_, groups, given), _ = tables
    assert (given[..., 0] == 1).all()
    counts = np.stack([(given[..., 1] * (groups[..., 1] == g)).sum(axis=1) for g in range(4)])
    assert set(counts.reshape(-1)) == {1.0, 2.0}
    assert 0.3 < np.mean(counts == 1) < 0.7
    assert given[..., 1].mean(axis=0).min() > 0.1  # of no item always the same


def test_a_combination_that_does_not_occur_is_padding_and_is_not_given():
    missing = {(0, 0), (1, 3), (4, 6)}
    (x, groups, given), mask = drawn(crossed_sampler(dataset(missing), SIZES, GIVEN), 200)
    assert 0 < np.mean(mask == 0) < 0.2
    assert (given[mask == 0] == 0).all()
    assert not {tuple(map(int, one[:2])) for one in x[mask == 1]} & missing
    for g in range(4):
        assert (given[..., 1] * (groups[..., 1] == g)).sum(axis=1).min() == 1


@pytest.mark.parametrize(
    ("sizes", "given", "message"),
    [
        ({"letter": 6, "face": 2}, None, "sizes: 6 of letter; accepted: 1 to 5"),
        ({"letter": 2, "face": 0}, None, "sizes: 0 of face; accepted: 1 to 7"),
        ({"letter": 2, "hand": 2}, None, "hand"),
        (SIZES, {"hand": (1,)}, "given 'hand'; accepted: letter, face"),
        (SIZES, {"face": ()}, r"given: \(\) of face; accepted: numbers of 1 or more"),
        (SIZES, {"face": (0, 1)}, "numbers of 1 or more"),
    ],
)
def test_bad_arguments_are_named(sizes, given, message):
    with pytest.raises(InputError, match=message):
        crossed_sampler(dataset(), sizes, given)
