"""The oracle's network: polarity, independence of a batch, sizes."""

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.evaluation.oracle.network import OracleNetwork, polarity_of


def test_polarity_is_decided_by_the_border():
    blob = np.zeros((8, 8), np.float32)
    blob[2:6, 2:6] = 1.0
    np.testing.assert_array_equal(polarity_of(jnp.array([blob, 1 - blob])), [1.0, -1.0])


def test_a_prediction_does_not_depend_on_its_batch_mates():
    network = OracleNetwork(sizes=(10, 2), widths=(4, 8, 16), dropout=0.5)
    x = np.random.default_rng(1).integers(0, 2, (6, 11, 11)).astype(np.float32)
    variables = jax.jit(lambda key: network.init(key, x, train=False))(jax.random.key(2))
    read = jax.jit(lambda x: network.apply(variables, x, train=False))
    together, alone = read(x), read(x[4:5])
    for every, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(every[4:5], one, atol=1e-5)


def test_images_of_any_size_from_8_have_a_head_per_factor():
    for side in (8, 9, 14, 28):
        network = OracleNetwork(sizes=(10, 2, 8), widths=(2, 3, 4, 5), dropout=0.0)
        shapes = jax.eval_shape(
            lambda network=network, side=side: network.init_with_output(
                jax.random.key(0), jnp.zeros((3, side, side)), train=False
            )
        )[0]
        assert [head.shape for head in shapes] == [(3, 10), (3, 2), (3, 8)]
