"""The decoder with products of style and content."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.models.components.decoders import BilinearDecoder as Component
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.bilinear import BilinearDecoder
from cal_jax.nn.hidden import Hidden

TRAINING = ApplyContext(None, ())


def _decoded(shape, *inputs):
    decoder = BilinearDecoder(shape, Hidden(6, norm="none"), gates=3, factors=2)
    variables = decoder.init(jax.random.key(0), TRAINING, *inputs)
    return decoder, variables, decoder.apply(variables, TRAINING, *inputs)


@pytest.mark.parametrize("of_set", [(4, 3), (3,)])
def test_outputs_are_those_of_the_mlp_and_of_gated_affine_maps_of_the_factors(of_set):
    rng = np.random.default_rng(0)
    z, c = (jnp.asarray(rng.normal(size=size), jnp.float32) for size in ((4, 2), of_set))
    decoder, variables, found = _decoded((5, 2), z, c)
    params = jax.tree.map(np.asarray, variables["params"])
    _, state = decoder.apply(
        variables, TRAINING, z, c, capture_intermediates=True, mutable=["intermediates"]
    )
    hidden = np.asarray(state["intermediates"]["ResidualMLP_0"]["__call__"][0])

    def affine(name, x):
        return x @ params[name]["kernel"] + params[name].get("bias", 0.0)

    scores = np.exp(affine("gate", hidden))
    gate = scores / scores.sum(axis=1, keepdims=True)
    of_inputs = params["factors"]
    factors = sum(
        x @ of_inputs[f"input_{k}"]["kernel"] for k, x in enumerate(map(np.asarray, (z, c)))
    )
    factors = factors + of_inputs["input_0"]["bias"]
    maps = params["products"]["kernel"].reshape(3, 3, 10)
    each = np.einsum("nf,efo->neo", factors, maps[:, :2]) + maps[:, 2]
    expected = affine("outputs", hidden) + np.einsum("ne,neo->no", gate, each)
    assert found.shape == (4, 5, 2)
    np.testing.assert_allclose(found, expected.reshape(4, 5, 2), rtol=1e-4, atol=1e-5)


def test_a_gradient_reaches_every_parameter():
    z, c = (
        jax.random.normal(jax.random.key(1), (4, 2)),
        jax.random.normal(jax.random.key(2), (4, 3)),
    )
    decoder, variables, _ = _decoded((3,), z, c)
    gradient = jax.grad(lambda v: jnp.sum(decoder.apply(v, TRAINING, z, c) ** 2))(variables)
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.abs(leaf).max() > 0, path


def test_the_component_passes_its_sizes_on():
    sizes = Sizes(2, 3, 1, (4, 4), Hidden(width=5, depth=2, norm="layer"))
    network = Component(7, gates=3, factors=2).network((4, 4), sizes)
    assert (network.shape, network.gates, network.factors) == ((4, 4), 3, 2)
    assert network.hidden == Hidden(width=7, depth=2, norm="layer")


@pytest.mark.parametrize("field", ["width", "gates", "factors"])
def test_sizes_below_1_are_refused(field):
    with pytest.raises(InputError, match=f"{field} must be at least 1"):
        Component(**{field: 0})
