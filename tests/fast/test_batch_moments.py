"""Moments of a batch that several devices share, and the messages that they take."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DATASET, DEVICE
from cal_jax.fast.batch_moments import axes_of, batch_moments
from cal_jax.training.parallel import choose_devices
from tests.nn.normalised import normalised

DEVICES, SETS, ITEMS, FEATURES = 2, 2, 5, 3
AXES = (DEVICE, DATASET)
MASKS = {
    "all": None,
    "some": [[[1, 1, 1, 1, 0], [0, 0, 0, 0, 0]], [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]],
    "one device's": [[[0] * 5, [0] * 5], [[1, 0, 1, 0, 1], [1, 1, 0, 0, 0]]],
    "none": [[[0] * 5] * 2] * 2,
}


@pytest.fixture(name="mask", params=MASKS)
def mask_of(request):
    mask = MASKS[request.param]
    return None if mask is None else np.array(mask, np.float32)


def data(offset=2.0):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(DEVICES, SETS, ITEMS, FEATURES)) * 3.0 + offset
    return (x + 5.0 * np.arange(DEVICES)[:, None, None, None]).astype(np.float32)


def counted(x, mask):
    """The rows that count, of all devices, in float64."""
    rows = x.reshape(-1, FEATURES).astype(np.float64)
    return rows if mask is None else rows[mask.reshape(-1) > 0]


def over_devices(function, devices=DEVICES):
    """``function(x [N, F], weights [N, 1] or None)`` over sets and devices."""
    over_sets = jax.vmap(function, axis_name=DATASET)
    return jax.pmap(over_sets, axis_name=DEVICE, devices=choose_devices(devices))


def weights_of(mask):
    return None if mask is None else mask[..., None]


@pytest.mark.parametrize("offset", [2.0, 1000.0])
def test_moments_are_those_of_the_rows_of_all_devices(mask, offset):
    """On every device, far from 0 too, where a difference of squares would have lost them."""
    x = data(offset)
    moments = over_devices(lambda x, weights: batch_moments(axes_of(AXES), x, weights))
    mean, variance, count = moments(x, weights_of(mask))
    rows = counted(x, mask)
    assert np.all(count == len(rows))
    want_mean = rows.mean(0) if len(rows) else np.zeros(FEATURES)
    want_variance = rows.var(0) if len(rows) else np.zeros(FEATURES)
    for device in range(DEVICES):
        np.testing.assert_allclose(mean[device, 0], want_mean, rtol=1e-5)
        np.testing.assert_allclose(variance[device, 0], want_variance, rtol=1e-4)


def test_gradients_are_those_of_all_rows_on_one_device(mask):
    x, weights = data(), weights_of(mask)
    scale, bias = jnp.array([0.5, 1.0, 2.0]), jnp.array([-1.0, 0.0, 1.0])

    def loss(parameters, x, weights, axes):
        y = normalised(axes, x, *parameters, weights)
        return jnp.sum(jnp.sin(y) * (1.0 if weights is None else weights))

    def gradients(x, weights):
        return jax.grad(loss, argnums=(0, 1))((scale, bias), x, weights, AXES)

    of_parameters, of_x = over_devices(gradients)(x, weights)
    flat = None if weights is None else weights.reshape(-1, 1)
    want_parameters, want_x = jax.grad(loss, argnums=(0, 1))(
        (scale, bias), x.reshape(-1, FEATURES), flat, ()
    )
    np.testing.assert_allclose(of_x.reshape(-1, FEATURES), want_x, rtol=1e-4, atol=1e-5)
    for got, want in zip(of_parameters, want_parameters, strict=True):
        np.testing.assert_allclose(got.sum((0, 1)), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("devices", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("masked", [False, True])
def test_any_number_of_devices_is_combined(devices, masked):
    rng = np.random.default_rng(devices)
    x = rng.normal(size=(devices, ITEMS, FEATURES)).astype(np.float32)
    x += 3.0 * np.arange(devices, dtype=np.float32)[:, None, None]
    mask = (rng.random((devices, ITEMS, 1)) < 0.5).astype(np.float32) if masked else None

    def moments(x, weights):
        return batch_moments(axes_of((DEVICE,)), x, weights)

    mean, variance, count = jax.vmap(moments, axis_name=DEVICE)(x, mask)
    rows = counted(x, mask)
    for got, want in ((mean, rows.mean(0)), (variance, rows.var(0)), (count, len(rows))):
        np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-5)


@pytest.mark.parametrize(("devices", "messages"), [(1, 0), (2, 2)])
def test_a_layer_is_one_message_in_each_direction(mask, devices, messages):
    def value_and_gradient(x, weights):
        def loss(x):
            y = normalised(AXES, x, x[0], x[1], weights)
            return jnp.sum(jnp.sin(y))

        return jax.value_and_grad(loss)(x)

    weights = weights_of(mask)
    given = (data()[:devices], None if weights is None else weights[:devices])
    program = over_devices(value_and_gradient, devices).lower(*given).as_text()
    assert program.count("stablehlo.all_gather") == messages
    assert devices == 1 or "stablehlo.all_reduce" not in program  # of one, XLA removes them


def test_the_gradient_sums_each_array_once():
    """Left to itself, XLA sums the cotangent of y for every set, and once more for all of them."""

    def loss(parameters, x):
        def of_set(x):
            return normalised((DATASET,), x, *parameters, None)

        return jnp.sum(jnp.sin(jax.vmap(of_set, axis_name=DATASET)(x)))

    x = np.random.default_rng(2).normal(size=(4, 8, 128)).astype(np.float32)
    parameters = (x[0, 0], x[1, 0])
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    program = gradient.lower(parameters, x).compile().as_text()
    shapes = dict(re.findall(r"%(\S+) = (\S+?)\{", program))
    summed = re.findall(r"reduce\(%(\S+?),", program)
    assert [shapes[operand] for operand in summed].count("f32[4,8,128]") == 4
