"""The encoder of patches against plain convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.models.components.encoders import PatchEncoder as Component
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.patches import PatchEncoder, patches

TRAINING = ApplyContext(None, ())


@pytest.mark.parametrize(("size", "stride", "side"), [(3, 1, 7), (3, 2, 8), (5, 2, 7)])
def test_patches_times_a_matrix_is_a_convolution(size, stride, side):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, side, side, 3)).astype(np.float32)
    kernel = rng.normal(size=(size, size, 3, 4)).astype(np.float32)
    half = size // 2
    expected = jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(half, half)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    gather = jax.jit(patches, static_argnums=(1, 2))
    found = np.asarray(gather(x, size, stride)) @ kernel.reshape(-1, 4)
    assert found.shape == (2, -(-side // stride), -(-side // stride), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("item", "channels"), [((9, 6), 1), ((9, 6, 3), 3)])
def test_layers_halve_the_image_and_end_in_units(item, channels):
    encoder = PatchEncoder((2, 3), 5, norm="none")
    x = jnp.zeros((4, *item))
    shapes = jax.eval_shape(lambda: encoder.init(jax.random.key(0), x, TRAINING))
    shapes = jax.tree.map(jnp.shape, shapes["params"])
    kernels = [shapes[f"Dense_{index}"]["kernel"] for index in range(3)]
    assert kernels == [(25 * channels, 2), (9 * 2, 3), (3 * 2 * 3, 5)]
    coarse = PatchEncoder((2, 3), 5, norm="none", first_stride=4)
    shapes = jax.eval_shape(lambda: coarse.init(jax.random.key(0), x, TRAINING))
    assert shapes["params"]["Dense_2"]["kernel"].shape == (2 * 1 * 3, 5)


def test_a_gradient_reaches_every_parameter():
    encoder = PatchEncoder((2,), 3, norm="none")
    x = jax.random.normal(jax.random.key(1), (4, 5, 6))

    @jax.jit
    def gradient(key):
        variables = encoder.init(key, x, TRAINING)
        return jax.grad(lambda v: jnp.sum(encoder.apply(v, x, TRAINING) ** 2))(variables)

    leaves = jax.tree.leaves(gradient(jax.random.key(0)))
    assert all(np.abs(leaf).max() > 0 for leaf in leaves)


def test_a_config_names_it_and_vectors_are_refused():
    sizes = Sizes(1, 2, 2, (8, 8), Hidden(norm="layer"))
    network = Component((4,), 6).network(sizes)
    assert network == PatchEncoder((4,), 6, "layer", "relu")
    with pytest.raises(InputError, match="PatchEncoder takes images"):
        Component().network(Sizes(1, 2, 2, (8,), Hidden()))
    with pytest.raises(InputError, match="units must be at least 1"):
        Component(units=0)
