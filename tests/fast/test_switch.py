"""One switch for all the forms for a CPU: the call, the environment variable, every layer."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cal_jax
from cal_jax import fast
from cal_jax.axes import DATASET
from cal_jax.errors import InputError
from cal_jax.fast import switch
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv import ConvolutionalDecoder, ConvolutionalEncoder
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense
from cal_jax.nn.statistic import StatisticNetwork

FORMS = (
    "row_product",
    "convolve",
    "kernel_gradient",
    "transposed_convolve",
    "optimization_barrier",
)
"""Of a gradient; the last is batch normalisation's."""


def autoencoder(mask):
    """``(variables, x [B, N, H, W]) -> a loss``, its gradient and the running averages."""
    encoder, statistic = ConvolutionalEncoder((2, 3)), StatisticNetwork(Hidden(6))
    decoder = ConvolutionalDecoder((7, 5), (2, 3))

    def of_set(variables, x, mask, axes):
        ctx = ApplyContext(mask, axes)
        h, one = encoder.apply(variables[0], x, ctx, mutable=["batch_stats"])
        s, two = statistic.apply(variables[1], h, ctx, mutable=["batch_stats"])
        y, three = decoder.apply(variables[2], ctx, h, s, mutable=["batch_stats"])
        weights = 1.0 if mask is None else mask.reshape(-1, 1, 1)
        return jnp.sum(jnp.sin(y) * weights), (one, two, three)

    def init(x):
        ctx, key = ApplyContext(None, ()), jax.random.key(0)
        variables = encoder.init(key, x, ctx)
        h = encoder.apply(variables, x, ctx, mutable=["batch_stats"])[0]
        s = statistic.init_with_output(key, h, ctx)
        return variables, s[1], decoder.init(key, ctx, h, s[0])

    def loss(variables, x):
        def one(x, mask):
            return of_set(variables, x, mask, (DATASET,))

        total, averages = jax.vmap(one, axis_name=DATASET, out_axes=(0, None))(x, mask)
        return jnp.sum(total), averages

    return init, jax.value_and_grad(loss, has_aux=True)


@pytest.mark.parametrize("masked", [False, True])
def test_networks_compute_the_same_with_all_of_it_off(masked, switched):
    """Value, every gradient and every running average, under a map of data sets."""
    x = jax.random.normal(jax.random.key(1), (3, 4, 7, 5))
    mask = jnp.array([[1.0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]) if masked else None
    init, gradient = autoencoder(mask)
    switched(True)
    variables = jax.jit(init)(x[0])
    got, program = jax.jit(gradient)(variables, x), str(jax.make_jaxpr(gradient)(variables, x))
    assert all(form in program for form in FORMS)
    switched(False)
    want, plain = jax.jit(gradient)(variables, x), str(jax.make_jaxpr(gradient)(variables, x))
    assert not any(form in plain for form in FORMS)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * scale)


def test_a_compiled_function_follows_the_switch(switched):
    x = jnp.ones((2, 3))
    layer = Dense(4)
    variables = layer.init(jax.random.key(0), x)
    traced = []

    @jax.jit
    def apply(variables, x):
        traced.append(fast.enabled())
        return layer.apply(variables, x)

    switched(True)
    apply(variables, x)
    switched(True)
    apply(variables, x)
    switched(False)
    apply(variables, x)
    assert traced == [True, False]


def test_elsewhere_than_on_a_cpu_it_is_off(switched, monkeypatch):
    switched(True)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not fast.enabled()


@pytest.mark.parametrize(("value", "printed"), [("0", "False"), ("1", "True"), (None, "True")])
def test_the_environment_variable(value, printed):
    environment = {name: v for name, v in os.environ.items() if name != switch.VARIABLE}
    if value is not None:
        environment[switch.VARIABLE] = value
    program = "import cal_jax.fast; print(cal_jax.fast.enabled())"
    root = Path(cal_jax.__file__).parent.parent
    output = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    assert output.stdout.strip() == printed


def test_another_value_is_refused(monkeypatch):
    monkeypatch.setattr(switch, "_chosen", None)
    monkeypatch.setenv(switch.VARIABLE, "off")
    with pytest.raises(InputError, match="CAL_JAX_FAST=off; accepted: 0, 1"):
        fast.enabled()
