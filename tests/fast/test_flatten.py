"""Small arrays as one vector, apart again, and by one kernel."""

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.fast.flatten import apart, as_one, by_one_kernel

ARRAYS = [np.arange(6.0, dtype=np.float32).reshape(2, 3), np.float32(7.0), np.ones(4, np.float32)]


def test_what_is_put_together_comes_apart():
    vector = as_one(ARRAYS)
    np.testing.assert_array_equal(vector, [0, 1, 2, 3, 4, 5, 7, 1, 1, 1, 1])
    for got, want in zip(apart(vector, [np.shape(array) for array in ARRAYS]), ARRAYS, strict=True):
        np.testing.assert_array_equal(got, want)


def test_what_one_kernel_makes_is_not_taken_apart():
    def together(x):
        first, second = by_one_kernel(jnp.sin(x), jnp.cos(x))
        return first * second

    x = np.linspace(0, 1, 8, dtype=np.float32)
    compiled = jax.jit(together).lower(x).compile()
    assert "concatenate(" in compiled.as_text()
    np.testing.assert_allclose(compiled(x), np.sin(x) * np.cos(x), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(together)(x[:, None])[:, 0], compiled(x), rtol=1e-6)
