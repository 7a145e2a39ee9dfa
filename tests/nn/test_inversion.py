"""An image and its negative are one drawing and two signs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import map_model
from cal_jax.nn.inversion import folded
from tests.small_models import BOTH_ACTIONS, INVERTING, binary_sets, small_model

MODELS = [INVERTING, BOTH_ACTIONS]


def test_an_image_and_its_negative_fold_to_the_same():
    x = binary_sets(1, 5)[0][0]
    there, back = folded(x), folded(1 - x)
    np.testing.assert_array_equal(there.images, back.images)
    np.testing.assert_array_equal(there.signs, -back.signs)
    assert there.images.mean() < 0.5
    np.testing.assert_array_equal(there.images[there.signs[:, 0] == 1], x[there.signs[:, 0] == 1])


@pytest.mark.parametrize("changes", MODELS)
def test_z_and_what_is_drawn_know_nothing_of_the_sign(changes):
    model, variables = small_model(**changes)
    num_contexts = model.config.num_contexts
    x = binary_sets(1, 4)[0][0]
    contexts = jnp.full((4, num_contexts, model.config.context_dim), 0.3)
    others = contexts.at[:, -1].set(-2.0)

    def seen(generative, inference, contexts, x):
        z = inference.latent(inference.encode(x), contexts).mean()
        logits = generative.likelihood(jnp.ones((4, 2)), contexts).logits
        return z, generative.latent_prior(contexts).mean(), logits

    of = jax.jit(map_model(seen, model))
    z, expected, logits = of(variables, contexts[None], x[None])
    of_the_negative, _, _ = of(variables, contexts[None], 1 - x[None])
    np.testing.assert_allclose(of_the_negative, z, atol=1e-5)
    of_another, also_expected, other_logits = of(variables, others[None], x[None])
    np.testing.assert_allclose(of_another, z, atol=1e-5)
    np.testing.assert_allclose(also_expected, expected, atol=1e-5)
    ratio = np.asarray(other_logits / logits)
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)
    assert ratio.flat[0] < -1.01


@pytest.mark.parametrize("changes", MODELS)
def test_the_posterior_of_the_inverting_context_is_the_sign_and_the_others_know_nothing_of_it(
    changes,
):
    model, variables = small_model(**changes)
    x = binary_sets(1, 4)[0][0]
    nothing = jnp.zeros((model.config.num_contexts, model.config.context_dim))

    def posterior_means(_, inference, x):
        found = inference.varying_contexts(inference.encode(x), nothing, nothing[:, 0])
        return found.mean(), found.variance()

    of = jax.jit(map_model(posterior_means, model))
    (mean, variance), (inverse, inverse_variance) = (
        of(variables, x[None]),
        of(variables, 1 - x[None]),
    )
    np.testing.assert_allclose(inverse[0, :, :-1], mean[0, :, :-1], atol=1e-5)
    np.testing.assert_allclose(inverse_variance, variance, atol=1e-5)
    sign, rest = mean[0, :, -1, 0], mean[0, :, -1, 1:]
    np.testing.assert_allclose(inverse[0, :, -1, 0], -sign, atol=1e-5)
    np.testing.assert_array_equal(rest, 0)
    np.testing.assert_allclose(np.abs(sign), np.abs(sign[0]), rtol=1e-5)
    assert np.abs(sign[0]) > 0.5
