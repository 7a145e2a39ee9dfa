"""Small leaves joined, and the optimiser on them, against the optimiser on every leaf."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.fast.joined import MOST, divide_each, join, join_each
from cal_jax.training.step import initial_state, packed, unpacked

SHAPES = {"a": (3,), "b": (2, MOST), "c": (4, 5), "d": (), "e": (MOST + 1,), "f": (0, 2), "g": (7,)}


def tree(seed, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(rng.normal(size=shape), np.float32) for name, shape in shapes.items()}


def assert_equal_trees(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("where", ["host", "traced", "mapped"])
def test_what_is_joined_and_divided_is_what_it_was(where):
    given = tree(0) | {"half": np.ones(4, jnp.bfloat16), "count": np.arange(3, dtype=np.int32)}

    def there_and_back(given):
        return join(given).tree()

    if where == "mapped":
        given = jax.tree.map(lambda leaf: np.stack([leaf, leaf + 1]), given)
        there_and_back = jax.vmap(there_and_back)
    back = (there_and_back if where == "host" else jax.jit(there_and_back))(given)
    assert_equal_trees(back, given)
    assert all(isinstance(leaf, np.ndarray) == (where == "host") for leaf in back.values())


def test_small_leaves_of_a_dtype_are_one_vector_and_large_ones_stay():
    given = tree(0) | {"half": jnp.ones(4, jnp.bfloat16), "bits": jnp.ones(2, jnp.bfloat16)}
    small = sum(int(np.prod(shape)) for name, shape in SHAPES.items() if name not in "be")
    assert sorted((leaf.shape, leaf.dtype.name) for leaf in join(given).arrays) == [
        ((2, MOST), "float32"),
        ((6,), "bfloat16"),
        ((small,), "float32"),
        ((MOST + 1,), "float32"),
    ]


def test_each_leaf_stays_alone_where_fast_is_off(switched):
    switched(False)
    given = tree(0)
    assert [leaf.shape for leaf in join(given).arrays] == list(SHAPES.values())
    assert_equal_trees(join(given).tree(), given)


def test_what_the_host_joins_is_what_a_program_joins():
    given = tree(3)
    assert_equal_trees(join(given), jax.jit(join)(given))


def test_every_part_like_the_parameters_is_joined_and_nothing_else():
    params = tree(4)
    given = {
        "moments": [params, tree(5)],
        "count": np.zeros((), np.int32),
        "other": {"a": np.ones(2)},
    }
    parts = join_each(given, params)
    assert_equal_trees(parts, given | {"moments": [join(params), join(tree(5))]})
    assert_equal_trees(divide_each(parts), given)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_optimiser_does_what_it_does_to_every_leaf(clip):
    adam = optax.adam(1e-2)
    optimiser = adam if clip is None else optax.chain(optax.clip(clip), adam)

    @jax.jit
    def step(params, moments, gradients):
        updates, moments = optimiser.update(gradients, moments, params)
        return optax.apply_updates(params, updates), moments

    plain = jax.device_get(initial_state({"params": tree(1)}, optimiser))
    state = packed(plain)
    for index in range(3):
        gradients = tree(10 + index)
        params, opt_state = step(state.params, state.opt_state, join(gradients))
        state = state._replace(params=params, opt_state=opt_state)
        params, opt_state = step(plain.params, plain.opt_state, gradients)
        plain = plain._replace(params=params, opt_state=opt_state)
    got = unpacked(state)
    assert jax.tree.structure(got) == jax.tree.structure(plain)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_the_optimiser_is_a_few_kernels_whatever_the_number_of_leaves():
    optimiser = optax.adam(1e-2)

    def compiled(count):
        params = tree(2, {f"leaf_{index}": (5,) for index in range(count)})
        state = packed(jax.device_get(initial_state({"params": params}, optimiser)))

        @jax.jit
        def step(state, gradients):
            return optimiser.update(join(gradients), state.opt_state)

        return step.lower(state, params).compile().as_text()

    few, many = (len(re.findall(r" fusion\(", compiled(count))) for count in (2, 30))
    assert few == many > 0
