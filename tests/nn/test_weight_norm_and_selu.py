"""Weight normalisation by its definition, and the fixed point of SELU (thesis 3.4.2)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.nn.activation import activate, initialiser
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import MLP, ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Conv, ConvTranspose, Dense
from cal_jax.nn.norm import WeightNorm


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: Dense(3), (6, 4)),
        (lambda: Conv(3, (3, 3)), (2, 5, 5, 4)),
        (lambda: ConvTranspose(3, (5, 6), 2), (2, 3, 3, 4)),
    ],
)
def test_a_kernel_is_a_scale_times_a_direction(layer, shape):
    """w = g v / ||v||, unit by unit: Salimans & Kingma 2016, equation 2."""
    x = jax.random.normal(jax.random.key(0), shape)
    plain = layer()
    module = WeightNorm(layer())
    variables = module.init(jax.random.key(1), x)
    params = dict(variables["params"])
    (name,) = set(params) - {"scale"}
    scale, v = jnp.array([0.5, 1.0, -2.0]), params[name]["kernel"]
    bias = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(params["scale"], 1.0)
    rows = v.reshape(-1, 3)
    kernel = (scale[None] * rows / jnp.linalg.norm(rows, axis=0)[None]).reshape(v.shape)
    want = plain.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    given = {"params": {"scale": scale, name: {"kernel": v, "bias": bias}}}
    np.testing.assert_allclose(module.apply(given, x), want, rtol=1e-4, atol=1e-5)
    longer = {"params": {"scale": scale, name: {"kernel": 7.0 * v, "bias": bias}}}
    np.testing.assert_allclose(module.apply(longer, x), want, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_direction_is_orthogonal_to_it():
    x = jax.random.normal(jax.random.key(0), (6, 4))
    module = WeightNorm(Dense(3))
    variables = module.init(jax.random.key(1), x)
    gradient = jax.grad(lambda v: jnp.sum(jnp.sin(module.apply(v, x))))(variables)["params"]
    (name,) = set(gradient) - {"scale"}
    v, g = variables["params"][name]["kernel"], gradient[name]["kernel"]
    np.testing.assert_allclose(jnp.sum(v * g, axis=0), 0.0, atol=1e-5)
    assert np.all(gradient["scale"] != 0) and np.any(g != 0)


@pytest.mark.parametrize(
    "network", [ResidualMLP(Hidden(8, norm="weight")), MLP((8, 8), norm="weight")]
)
def test_every_hidden_layer_of_a_network_is_weight_normalised(network):
    x, ctx = jnp.ones((5, 4)), ApplyContext(None, ())
    given = (ctx, x) if isinstance(network, ResidualMLP) else (x, ctx)
    variables = network.init(jax.random.key(0), *given)
    assert "batch_stats" not in variables
    changed = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 3.0 * leaf if path[-1].key == "kernel" else leaf, variables
    )
    got, want = network.apply(changed, *given), network.apply(variables, *given)
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_selu_keeps_mean_0_and_variance_1_through_many_layers():
    """Klambauer et al. 2017: from inputs far from it, activations come to the fixed point."""
    x = 0.3 + 1.5 * jax.random.normal(jax.random.key(0), (2_000, 256))
    network = MLP((256,) * 16, norm="none", activation="selu")
    y = network.init_with_output(jax.random.key(1), x, EVALUATION)[0]
    assert abs(float(y.mean())) < 0.1
    assert abs(float(y.var()) - 1.0) < 0.15


def test_selu_at_its_fixed_point():
    z = jax.random.normal(jax.random.key(2), (400_000,))
    y = activate("selu", z)
    assert abs(float(y.mean())) < 0.01 and abs(float(y.var()) - 1.0) < 0.01
    kernel = initialiser("selu")(jax.random.key(3), (400, 300))
    assert abs(float(kernel.var()) * 400 - 1.0) < 0.02
    kernel = initialiser("relu")(jax.random.key(3), (400, 300))
    assert abs(float(kernel.var()) * 400 - 2.0) < 0.04


def test_an_unknown_activation_lists_the_accepted_ones():
    with pytest.raises(InputError, match="relu, selu"):
        activate("tanh", jnp.ones(3))
