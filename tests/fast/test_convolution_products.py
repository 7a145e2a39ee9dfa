"""Convolutions by the forms for a CPU against XLA's own: values, gradients, every mapping."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.fast import convolution_forms as forms
from cal_jax.fast import kernel_gradient
from cal_jax.fast.convolution_products import convolve, transposed_convolve
from cal_jax.nn.layers import Conv, ConvTranspose

CONVOLUTIONS = [
    # side, channels, features, stride: thesis 6.4.1
    (28, 1, 16, 1),
    (28, 16, 16, 1),
    (28, 16, 16, 2),
    (14, 16, 32, 1),
    (14, 32, 32, 1),
    (14, 32, 32, 2),
    (7, 32, 64, 1),
    (7, 64, 64, 1),
    (7, 64, 64, 2),
    (28, 16, 1, 1),
    # smaller images, other widths
    (14, 1, 8, 1),
    (14, 8, 8, 2),
    (4, 3, 5, 2),
    (2, 4, 4, 2),
    (1, 2, 3, 1),
]
TRANSPOSED = [(7, 64, 64), (14, 64, 32), (28, 32, 16), (14, 16, 8), (4, 5, 3), (2, 4, 4), (1, 2, 3)]
"""The side made with stride 2, channels, features."""


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def value_and_gradients(function, *arguments):
    """The value, and the gradients of a function of it that is not linear."""

    @jax.jit
    def both(*arguments):
        value, pull = jax.vjp(function, *arguments)
        return value, *pull(jnp.sin(value))

    return both(*arguments)


def assert_same(got, want):
    for one, other in zip(got, want, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(("side", "channels", "features", "stride"), CONVOLUTIONS)
def test_a_convolution_is_xlas_own(side, channels, features, stride, monkeypatch):
    monkeypatch.setattr(kernel_gradient, "CACHED_FLOATS", 2 * side * side * max(channels, features))
    x, kernel = normal(0, 5, side, side, channels), normal(1, 3, 3, channels, features)
    got = value_and_gradients(functools.partial(convolve, stride=stride), x, kernel)
    plain = functools.partial(forms.plain_convolve, stride=stride)
    assert_same(got, value_and_gradients(plain, x, kernel))


@pytest.mark.parametrize(("side", "channels", "features"), TRANSPOSED)
def test_a_transposed_convolution_is_xlas_own(side, channels, features):
    small = forms.small_side(side, 2)
    x, kernel = normal(0, 3, small, small, channels), normal(1, 3, 3, channels, features)
    sides = {"sides": (side, side), "stride": 2}
    got = value_and_gradients(functools.partial(transposed_convolve, **sides), x, kernel)
    plain = functools.partial(forms.plain_transposed_convolve, **sides)
    assert_same(got, value_and_gradients(plain, x, kernel))


@pytest.mark.parametrize(
    ("ours", "linens", "side"),
    [
        (Conv(4, (3, 3)), nn.Conv(4, (3, 3)), 4),
        (Conv(4, (3, 3), 2, use_bias=False), nn.Conv(4, (3, 3), 2, use_bias=False), 7),
        (Conv(4, (1, 1)), nn.Conv(4, (1, 1)), 4),
        (Conv(4, (3, 3), 3), nn.Conv(4, (3, 3), 3), 7),
        (Conv(4, (3, 3), padding="VALID"), nn.Conv(4, (3, 3), padding="VALID"), 7),
        (Conv(4, (3, 3), kernel_dilation=2), nn.Conv(4, (3, 3), kernel_dilation=2), 7),
        (Conv(3, (3, 3), feature_group_count=3), nn.Conv(3, (3, 3), feature_group_count=3), 7),
        (ConvTranspose(4, (4, 4)), nn.ConvTranspose(4, (3, 3)), 4),
        (ConvTranspose(4, (7, 7), 2), nn.ConvTranspose(4, (3, 3), (2, 2), [(1, 1), (1, 1)]), 4),
        (ConvTranspose(4, (8, 8), 2), nn.ConvTranspose(4, (3, 3), (2, 2), [(2, 1), (2, 1)]), 4),
    ],
)
@pytest.mark.parametrize("on", [True, False])
def test_the_layers_are_linens_with_its_parameters(ours, linens, side, on, switched):
    switched(on)
    x = normal(0, 2, side, side, 3)
    variables = jax.jit(ours.init)(jax.random.key(0), x)
    assert type(ours).__name__ == type(linens).__name__
    want = jax.jit(linens.init)(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, variables, want)
    got, want = jax.jit(ours.apply)(variables, x), jax.jit(linens.apply)(variables, x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def two_layers(down, up):
    """A stride of 2 there and back, a loss that mixes all."""

    def loss(x, kernels):
        y = jnp.sin(down(x, kernels[0], stride=2))
        return jnp.sum(jnp.sin(up(y, kernels[1], sides=(7, 7), stride=2)))

    return loss


OURS = two_layers(convolve, transposed_convolve)
PLAIN = two_layers(forms.plain_convolve, forms.plain_transposed_convolve)
KERNELS = (normal(1, 3, 3, 3, 4), normal(2, 3, 3, 4, 3))


def test_sets_and_samples_are_flattened_into_the_images():
    """Mapped twice, then differentiated: one product of a layer, of six images."""
    x = normal(0, 2, 3, 2, 7, 7, 3)

    def total(loss, x, kernels):
        sets = jax.vmap(lambda items: loss(items, kernels))
        return jnp.sum(jax.vmap(sets)(x))

    ours, plain = functools.partial(total, OURS), functools.partial(total, PLAIN)
    assert_same(
        jax.tree.leaves(jax.jit(jax.grad(ours, (0, 1)))(x, KERNELS)),
        jax.tree.leaves(jax.jit(jax.grad(plain, (0, 1)))(x, KERNELS)),
    )
    program = str(jax.make_jaxpr(jax.grad(ours, 1))(x, KERNELS))
    assert program.count("= kernel_gradient[") == 2
    assert "f32[12,7,7,3]" in program and "scan" not in program


@pytest.mark.parametrize("x_axis", [None, 1])
def test_kernels_may_be_mapped_too(x_axis):
    """Seeds: each its own kernels, with the same images or its own."""
    x = normal(0, 2, 2, 7, 7, 3) if x_axis is not None else normal(0, 2, 7, 7, 3)
    kernels = tuple(jnp.stack([kernel, 2 * kernel]) for kernel in KERNELS)

    def mapped(loss):
        return jax.jit(jax.vmap(jax.grad(loss, (0, 1)), (x_axis, 0)))(x, kernels)

    assert_same(jax.tree.leaves(mapped(OURS)), jax.tree.leaves(mapped(PLAIN)))


def test_on_two_devices():
    x = normal(0, 2, 2, 7, 7, 3)

    def mapped(loss):
        def of_a_device(x):
            return jax.lax.pmean(jax.grad(loss, 1)(x, KERNELS), "device")

        return jax.pmap(of_a_device, axis_name="device")(x)

    assert_same(mapped(OURS), mapped(PLAIN))


def test_inside_a_loop():
    x = normal(0, 2, 7, 7, 3)

    def train(loss):
        def step(kernels, _):
            gradients = jax.grad(loss, 1)(x, kernels)
            return jax.tree.map(lambda k, g: k - 0.01 * g, kernels, gradients), None

        return jax.jit(lambda: jax.lax.scan(step, KERNELS, length=3)[0])()

    assert_same(train(OURS), train(PLAIN))
