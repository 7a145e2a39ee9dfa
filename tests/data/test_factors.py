"""Images from the values of their factors: the right picture, turned, painted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.binarise import fixed_binary, fresh_binary
from cal_jax.data.factors import DigitFactors, draw_digit_sets, render_black_and_white
from cal_jax.data.images import LabelledImages
from cal_jax.data.rotation import rotated
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.factors import draw_values

GREY = np.random.default_rng(0).integers(256, size=(5, 8, 8), dtype=np.uint8)
IMAGES = LabelledImages(GREY, np.array([7, 2, 7, 2, 7], np.int32))
TURNED = fixed_binary(rotated(GREY), "static", 3)


def dataset(names, **options):
    return DigitFactors(names).dataset(IMAGES, "static", 3, **options)


def shown(names, rows, values):
    """What these images show, [..., H, W]."""
    data = dataset(names)
    show = jax.jit(data.show(names))
    return np.asarray(show(data.items[np.asarray(rows)], jnp.asarray(values), jax.random.key(0)))


def test_every_factor_does_its_own_to_an_image():
    plain = shown(("digit", "background"), [[3, 1]], [[[7, 0], [2, 1]]])
    binary = fixed_binary(GREY, "static", 3)
    np.testing.assert_array_equal(plain, [[binary[3], 1 - binary[1]]])
    assert plain.dtype == np.float32
    turns = shown(("digit", "rotation"), [[3, 1]], [[[7, 2], [2, 5]]])
    np.testing.assert_array_equal(turns, [[TURNED[2, 3], TURNED[5, 1]]])
    assert turns.dtype == np.float32
    both = shown(("digit", "rotation", "background"), [[3, 1]], [[[7, 2, 1], [2, 5, 0]]])
    np.testing.assert_array_equal(both, [[1 - TURNED[2, 3], TURNED[5, 1]]])
    other_order = shown(("digit", "background", "rotation"), [[3]], [[[7, 1, 2]]])
    np.testing.assert_array_equal(other_order, both[:, :1])


@pytest.mark.parametrize("binarisation", ["static", "threshold"])
def test_a_fresh_image_is_made_binary_at_every_visit(binarisation):
    names = ("digit", "rotation", "background")
    data = DigitFactors(names).dataset(IMAGES, binarisation, 3, fresh=True)
    values, key = jnp.array([[7, 2, 0], [2, 5, 0]]), jax.random.key(1)
    x = data.show(names)(jnp.asarray(data.items[np.array([3, 1])]), values, key)
    grey = rotated(GREY)[[2, 5], [3, 1]]
    np.testing.assert_array_equal(x, fresh_binary(key, jnp.asarray(grey), binarisation))


def test_the_table_names_every_value():
    data = dataset(("digit", "rotation", "background"))
    assert data.names == ("digit", "rotation", "background")
    assert data.sizes == {"digit": 10, "rotation": 8, "background": 2}
    assert data.value_names["rotation"][:3] == ("0", "45", "90")
    assert data.event_shape == (8, 8)
    np.testing.assert_array_equal(data.table[:, 0], IMAGES.labels)
    assert list(data.look_alikes) == [("digit", "rotation")]
    assert not dataset(("digit", "background")).look_alikes


def test_every_digit_has_images_for_a_whole_set():
    data, mix = dataset(("digit", "background")), (((0, 1), 1),)
    sets = draw_digit_sets(np.random.default_rng(0), data, num_sets=9, set_size=2, mix=mix)
    np.testing.assert_array_equal(sets.values[..., 0], IMAGES.labels[sets.items])
    with pytest.raises(InputError, match="class 2 has 2 images; accepted: at least set_size = 3"):
        draw_digit_sets(np.random.default_rng(0), data, num_sets=9, set_size=3, mix=mix)


def test_drawn_values_are_uniform_and_keep_the_digit():
    factors = DigitFactors(("digit", "rotation", "background"))
    assert factors.sizes == {"digit": 10, "rotation": 8, "background": 2}
    digits = jnp.arange(8000) % 10
    values = np.asarray(draw_values(factors, jax.random.key(0), digits))
    np.testing.assert_array_equal(values[:, 0], digits)
    for column, size in ((1, 8), (2, 2)):
        shares = np.bincount(values[:, column], minlength=size) / 8000
        np.testing.assert_allclose(shares, 1 / size, atol=4.5 * np.sqrt(1 / size / 8000))


def test_white_background_inverts():
    binary = np.array([[[0, 1], [1, 1]], [[0, 1], [1, 1]]], np.uint8)
    rendered = jax.jit(render_black_and_white)(binary, jnp.asarray([0, 1]))
    assert rendered.dtype == jnp.float32
    np.testing.assert_array_equal(rendered, [[[0, 1], [1, 1]], [[1, 0], [0, 0]]])


def test_render_batches_of_sets_and_single_images():
    binary = np.random.default_rng(0).integers(2, size=(2, 5, 4, 3))
    backgrounds = np.array([[0, 1, 0, 1, 1], [1, 0, 0, 0, 1]])
    rendered = render_black_and_white(jnp.asarray(binary), jnp.asarray(backgrounds))
    single = render_black_and_white(jnp.asarray(binary[0, 1]), jnp.asarray(1))
    np.testing.assert_array_equal(rendered[0, 1], single)
    np.testing.assert_array_equal(rendered[1, 1], binary[1, 1])


def test_render_refuses_backgrounds_that_do_not_fit():
    with pytest.raises(InputError, match=r"backgrounds: shape \(3,\); accepted: \(2,\)"):
        render_black_and_white(jnp.zeros((2, 4, 4)), jnp.zeros(3))
