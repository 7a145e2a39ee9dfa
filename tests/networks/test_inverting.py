"""An image and its negative are one drawing and two signs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.mapping import map_model
from cal_jax.networks.inverting import folded
from tests.small_models import TURNING, binary_sets, small_model


def test_an_image_and_its_negative_fold_to_the_same():
    x = binary_sets(1, 5)[0][0]
    there, back = folded(x), folded(1 - x)
    np.testing.assert_array_equal(there.images, back.images)
    np.testing.assert_array_equal(there.signs, -back.signs)
    assert there.images.mean() < 0.5
    np.testing.assert_array_equal(there.images[there.signs[:, 0] == 1], x[there.signs[:, 0] == 1])


@pytest.mark.parametrize("changes", [{}, {"num_contexts": 3, **TURNING}])
def test_z_and_what_is_drawn_know_nothing_of_the_sign(changes):
    model, variables = small_model(**changes, inverting_context=changes.get("num_contexts", 2) - 1)
    num_contexts = model.config.num_contexts
    x = binary_sets(1, 4)[0][0]
    contexts = jnp.full((4, num_contexts, model.config.context_dim), 0.3)
    others = contexts.at[:, -1].set(-2.0)

    def seen(generative, inference, contexts, x):
        z = inference.latent(inference.encode(x), contexts).mean()
        logits = generative.likelihood(jnp.ones((4, 2)), contexts).distribution.logits
        return z, logits

    of = jax.jit(map_model(seen, model))
    z, logits = of(variables, contexts[None], x[None])
    of_the_negative, _ = of(variables, contexts[None], 1 - x[None])
    np.testing.assert_allclose(of_the_negative, z, atol=1e-5)
    _, other_logits = of(variables, others[None], x[None])
    ratio = np.asarray(other_logits / logits)
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)
    assert abs(ratio.flat[0] - 1) > 1e-2


def test_contexts_know_the_sign():
    model, variables = small_model(inverting_context=1, constant_posterior="experts")
    x = binary_sets(1, 4)[0][0]

    def beliefs(_, inference, x):
        h = inference.encode(x)
        return inference.constant_contexts(h, jnp.array([0.0, 1.0]), None).mean()

    of = jax.jit(map_model(beliefs, model))
    assert np.abs(of(variables, x[None]) - of(variables, 1 - x[None])).max() > 1e-3
