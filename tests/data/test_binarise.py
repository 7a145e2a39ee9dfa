import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.binarise import (
    BINARISATIONS,
    EXPLANATIONS,
    dynamic_binary,
    static_binary,
    threshold_binary,
)

LEVELS = np.arange(256, dtype=np.uint8)
MANY = np.broadcast_to(LEVELS.reshape(256, 1, 1), (256, 64, 64))
# Binomial standard deviation of a mean over 64 x 64 draws, at most.
DEVIATION = 0.5 / 64


def test_each_binarisation_is_explained_in_one_line():
    assert BINARISATIONS == ("static", "dynamic", "threshold")
    assert all(EXPLANATIONS[name] and "\n" not in EXPLANATIONS[name] for name in BINARISATIONS)


def test_static_draws_with_the_intensity_as_probability():
    binary = static_binary(MANY, seed=0)
    assert binary.dtype == np.uint8
    assert set(np.unique(binary)) == {0, 1}
    means = binary.mean(axis=(1, 2))
    np.testing.assert_allclose(means, LEVELS / 255, atol=4.5 * DEVIATION)
    np.testing.assert_allclose(means.mean(), 0.5, atol=4.5 * DEVIATION / 16)
    assert means[0] == 0
    assert means[255] == 1


def test_static_is_fixed_by_the_seed():
    np.testing.assert_array_equal(static_binary(MANY, 5), static_binary(MANY, 5))
    assert not np.array_equal(static_binary(MANY, 5), static_binary(MANY, 6))


def test_static_draw_of_an_image_does_not_depend_on_the_others():
    changed = MANY.copy()
    changed[:100] = 0
    np.testing.assert_array_equal(static_binary(changed, 1)[100:], static_binary(MANY, 1)[100:])
    np.testing.assert_array_equal(static_binary(MANY[:37], 1), static_binary(MANY, 1)[:37])


def test_threshold_is_above_half():
    binary = threshold_binary(LEVELS.reshape(1, 16, 16))
    np.testing.assert_array_equal(binary.ravel(), LEVELS / 255 > 0.5)
    assert binary.dtype == np.uint8


def test_dynamic_draws_anew_with_the_intensity_as_probability():
    draw = jax.jit(dynamic_binary)
    first, again, other = (draw(jax.random.key(k), jnp.asarray(MANY)) for k in (0, 0, 1))
    assert first.dtype == jnp.float32
    assert first.shape == MANY.shape
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(np.unique(first)) == {0.0, 1.0}
    np.testing.assert_allclose(first.mean(axis=(1, 2)), LEVELS / 255, atol=4.5 * DEVIATION)
    assert (first[0] == 0).all()
    assert (first[255] == 1).all()


def test_dynamic_takes_float_grey_levels():
    grey = jnp.asarray([0.0, 255.0, 127.5])
    draws = jax.vmap(lambda key: dynamic_binary(key, grey))(
        jax.random.split(jax.random.key(0), 4096)
    )
    np.testing.assert_allclose(draws.mean(axis=0), [0, 1, 0.5], atol=4.5 * DEVIATION)
