"""Batch normalisation against its plain form, and the messages that several devices take."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DATASET, DEVICE, SAMPLE
from cal_jax.fast import batch_norm as fast_form
from cal_jax.fast.batch_norm import batch_norm
from cal_jax.nn.norm import plain_batch_norm
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


@pytest.fixture(name="form", params=[batch_norm, plain_batch_norm], ids=["fast", "plain"])
def form_of(request):
    return request.param


def moments_of(form, axes, x, weights):
    """Mean, variance and rows, of a layer with any parameters."""
    return form(x, jnp.ones(FEATURES), jnp.zeros(FEATURES), weights, axes, 1e-5)[1:]


@pytest.mark.parametrize("offset", [2.0, 1000.0])
def test_moments_are_those_of_the_rows_of_all_devices(mask, offset, form):
    """On every device, far from 0 too, where a difference of squares would have lost them."""
    x = data(offset)
    moments = over_devices(lambda x, weights: moments_of(form, AXES, x, weights))
    mean, variance, count = moments(x, weights_of(mask))
    rows = counted(x, mask)
    assert np.all(count == len(rows))
    want_mean = rows.mean(0) if len(rows) else np.zeros(FEATURES)
    want_variance = rows.var(0) if len(rows) else np.zeros(FEATURES)
    for device in range(DEVICES):
        np.testing.assert_allclose(mean[device, 0], want_mean, rtol=1e-5)
        np.testing.assert_allclose(variance[device, 0], want_variance, rtol=1e-4)


def test_gradients_are_those_of_all_rows_on_one_device(mask, form):
    x, weights = data(), weights_of(mask)
    scale, bias = jnp.array([0.5, 1.0, 2.0]), jnp.array([-1.0, 0.0, 1.0])

    def loss(parameters, x, weights, axes):
        y = normalised(axes, x, *parameters, weights, form)
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
def test_any_number_of_devices_is_combined(devices, masked, form):
    rng = np.random.default_rng(devices)
    x = rng.normal(size=(devices, ITEMS, FEATURES)).astype(np.float32)
    x += 3.0 * np.arange(devices, dtype=np.float32)[:, None, None]
    mask = (rng.random((devices, ITEMS, 1)) < 0.5).astype(np.float32) if masked else None

    def moments(x, weights):
        return moments_of(form, (DEVICE,), x, weights)

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


def loss_and_gradients(form, axes, x, weights, parameters, of_sample):
    """Of x [B, N, P, F], over the mapped axes; samples share their rows and differ after."""

    def loss(x, parameters, of_sample):
        def of_set(x, weights):
            def of_sample_(factor):
                y = normalised(axes, factor * x, *parameters, weights, form)
                return jnp.sum(jnp.sin(factor * y) * (1.0 if weights is None else weights))

            return jax.vmap(of_sample_, axis_name=SAMPLE)(of_sample)

        return jnp.sum(jax.vmap(of_set, axis_name=DATASET)(x, weights))

    return jax.value_and_grad(loss, argnums=(0, 1))(x, parameters, of_sample)


@pytest.mark.parametrize("sums", ["neighbours first", "as they stand"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seeds", [None, 2])
def test_the_fast_form_is_the_plain_one(masked, seeds, sums, monkeypatch):
    """In value and gradient; under maps of data sets, samples and seeds."""
    if sums == "neighbours first":
        monkeypatch.setattr(fast_form, "NARROW", 0)
        monkeypatch.setattr(fast_form, "FEW", 0)
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(3, 5, 2, FEATURES)) + 1.0, jnp.float32)
    mask = [[1, 1, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
    weights = jnp.asarray(mask, jnp.float32)[..., None, None] if masked else None
    parameters = jnp.array([0.5, 1.0, 2.0]), jnp.array([-1.0, 0.0, 1.0])
    of_sample = jnp.array([1.0, 0.3])

    def of(form):
        def one(x, parameters):
            axes = (DATASET, SAMPLE)
            return loss_and_gradients(form, axes, x, weights, parameters, of_sample)

        if seeds is None:
            return one(x, parameters)
        given = (x, parameters)
        return jax.vmap(one)(*jax.tree.map(lambda leaf: jnp.stack([leaf, 1.5 * leaf]), given))

    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5),
        of(batch_norm),
        of(plain_batch_norm),
    )


def test_rows_of_an_odd_number_are_summed_too(monkeypatch):
    monkeypatch.setattr(fast_form, "NARROW", 0)
    monkeypatch.setattr(fast_form, "FEW", 0)
    for rows in (1, 2, 3, 4, 5, 6, 7, 8, 9):
        x = jnp.arange(rows * FEATURES, dtype=jnp.float32).reshape(rows, FEATURES)
        mean, _, count = moments_of(batch_norm, (), x, None)
        np.testing.assert_allclose(mean, x.mean(0), rtol=1e-6)
        assert count == rows


@pytest.mark.parametrize("of_x", ["bfloat16", "float32"])
def test_gradients_have_the_types_of_what_they_are_of(of_x, form):
    x = jnp.asarray(data()[0, 0], of_x)

    def loss(x, scale):
        return jnp.sum(normalised((), x, scale, scale, None, form).astype(jnp.float32) ** 3)

    scale = jnp.ones(FEATURES)
    for got, given in zip(jax.grad(loss, (0, 1))(x, scale), (x, scale), strict=True):
        assert got.dtype == given.dtype
