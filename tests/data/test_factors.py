"""Images from the values of their factors: the right picture, turned, painted."""

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factors import ImageFactors
from cal_jax.data.rotation import rotated

IMAGES = np.random.default_rng(0).integers(256, size=(5, 8, 8), dtype=np.uint8)
BINARY = (IMAGES > 127).astype(np.uint8)


def shown(names, items, values):
    """What sets of these binary images show, [..., H, W]."""
    factors = ImageFactors(names)
    items, values = jnp.asarray(items), jnp.asarray(values)
    picked = factors.pick(jnp.asarray(factors.turned(BINARY)), items, values)
    return np.asarray(factors.paint(picked, values))


def test_every_factor_does_its_own_to_an_image():
    turned = rotated(BINARY)
    plain = shown(("digit", "background"), [[3, 1]], [[[7, 0], [2, 1]]])
    np.testing.assert_array_equal(plain, [[BINARY[3], 1 - BINARY[1]]])
    turns = shown(("digit", "rotation"), [[3, 1]], [[[7, 2], [2, 5]]])
    np.testing.assert_array_equal(turns, [[turned[2, 3], turned[5, 1]]])
    both = shown(("digit", "rotation", "background"), [[3, 1]], [[[7, 2, 1], [2, 5, 0]]])
    np.testing.assert_array_equal(both, [[1 - turned[2, 3], turned[5, 1]]])
    other_order = shown(("digit", "background", "rotation"), [[3]], [[[7, 1, 2]]])
    np.testing.assert_array_equal(other_order, both[:, :1])


def test_numpy_and_device_pick_the_same_images():
    factors = ImageFactors(("digit", "rotation"))
    items, values = np.array([4, 0]), np.array([[1, 3], [2, 0]])
    turned = factors.turned(IMAGES)
    on_device = factors.pick(jnp.asarray(turned), jnp.asarray(items), jnp.asarray(values))
    np.testing.assert_array_equal(factors.pick(turned, items, values), on_device)


def test_drawn_values_are_uniform_and_keep_the_digit():
    factors = ImageFactors(("digit", "rotation", "background"))
    assert factors.sizes == {"digit": 10, "rotation": 8, "background": 2}
    assert factors.other_sizes == (8, 2)
    digits = jnp.arange(8000) % 10
    values = np.asarray(factors.draw_values(jax.random.key(0), digits))
    np.testing.assert_array_equal(values[:, 0], digits)
    for column, size in ((1, 8), (2, 2)):
        shares = np.bincount(values[:, column], minlength=size) / 8000
        np.testing.assert_allclose(shares, 1 / size, atol=4.5 * np.sqrt(1 / size / 8000))
