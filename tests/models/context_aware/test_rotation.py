"""A model whose second context rotates what the rest of it draws and reads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import map_model
from cal_jax.nn.rotation import ANGLES
from tests.small_models import ROTATING, binary_sets, small_model


def contexts_at(*angles):
    """Contexts [N, 2, 5] of the small rotating model that stand for these angles, surely."""
    phases = 2 * np.pi / ANGLES * np.array(angles)[:, None] * np.array([1, 2, 0, 0, 0])
    lengths = 400 * np.array([[1, 1, 0, 0, 0]])
    moments = lengths * np.cos(phases) + np.roll(lengths * np.sin(phases), 2, axis=1)
    return jnp.asarray(np.stack([np.full_like(moments, 0.3), moments], axis=1), jnp.float32)


def test_what_a_rotating_context_rotates_does_not_depend_on_it():
    model, variables = small_model(**ROTATING)

    def drawn(generative, _, contexts):
        return generative.likelihood(jnp.ones((2, 2)), contexts).logits

    upright, turned = jax.jit(map_model(drawn, model))(variables, contexts_at(0, 16)[None])[0]
    assert ANGLES == 64  # so that 16 of them are a quarter
    np.testing.assert_allclose(turned, jnp.rot90(upright, -1), atol=1e-4)
    assert np.abs(turned - upright).max() > 1e-2


@pytest.mark.parametrize("of", ["prior", "posterior"])
def test_z_knows_how_sure_the_angle_is_and_not_which_it_is(of):
    model, variables = small_model(**ROTATING)

    def latent(generative, inference, contexts):
        if of == "prior":
            return generative.latent_prior(contexts).mean()
        return inference.latent(inference.encode(jnp.zeros((3, 8, 8))), contexts).mean()

    contexts = contexts_at(3, 40, 40).at[2, 1].set(0.0)
    at_one, at_another, at_any = jax.jit(map_model(latent, model))(variables, contexts[None])[0]
    np.testing.assert_allclose(at_another, at_one, atol=1e-5)
    assert np.abs(at_any - at_one).max() > 1e-4


def test_z_is_read_from_the_image_rotated_back():
    model, variables = small_model(**ROTATING)
    x = binary_sets(1, 1)[0][0]

    def posterior(_, inference, contexts, x):
        return inference.latent(inference.encode(x), contexts).mean()

    of = jax.jit(map_model(posterior, model))

    def seen(x, angle):
        return of(variables, contexts_at(angle)[None], x[None])

    quarter = jnp.rot90(x, -1, axes=(1, 2))
    np.testing.assert_allclose(seen(quarter, ANGLES // 4), seen(x, 0), atol=1e-5)
    assert np.abs(seen(quarter, 0) - seen(x, 0)).max() > 1e-4


def test_posteriors_of_the_content_stay_where_an_image_rotates_and_those_of_its_angle_rotate():
    model, variables = small_model(**ROTATING)
    x = binary_sets(1, 4)[0][0]

    def posterior_means(_, inference, x):
        h = inference.encode(x)
        found = inference.varying_contexts(h, jnp.zeros((2, 5)), jnp.zeros(2))
        return found.mean(), found.variance()

    of = jax.jit(map_model(posterior_means, model))
    (mean, variance), (turned_mean, turned_variance) = (
        of(variables, images[None]) for images in (x, jnp.rot90(x, -1, axes=(1, 2)))
    )
    np.testing.assert_allclose(turned_mean[0, :, 0], mean[0, :, 0], atol=1e-5)
    np.testing.assert_allclose(turned_variance, variance, atol=1e-5)
    cos_1, cos_2, sin_1, sin_2, rest = np.moveaxis(np.asarray(mean[0, :, 1]), -1, 0)
    a_quarter_later = np.stack([-sin_1, -cos_2, cos_1, -sin_2, rest], axis=-1)
    np.testing.assert_allclose(turned_mean[0, :, 1], a_quarter_later, atol=1e-5)
    assert np.abs(cos_1).min() > 1e-6
    np.testing.assert_array_equal(rest, 0)
