"""Bits per dimension against the bits of a uniform guess."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.bits import bits_per_dimension


@pytest.mark.parametrize("event_shape", [(10,), (12, 9), (12, 9, 3)])
def test_a_uniform_guess_among_256_levels_costs_8_bits_whatever_the_shape(event_shape):
    nats = np.float32([1.0, 2.0]) * -np.log(256.0) * np.prod(event_shape)
    np.testing.assert_allclose(bits_per_dimension(nats, event_shape), [8.0, 16.0], rtol=1e-6)


def test_one_item_has_one_number():
    assert bits_per_dimension(-np.log(2.0), (1,)) == pytest.approx(1.0)
    assert bits_per_dimension(0.0, ()).shape == ()


def test_an_item_without_numbers_is_named():
    with pytest.raises(InputError, match=r"event_shape \(3, 0\): no numbers"):
        bits_per_dimension(-1.0, (3, 0))
