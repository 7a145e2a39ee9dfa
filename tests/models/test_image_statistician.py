"""The neural statistician of images, ML-VAE and GVAE meet the statistician's protocol."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.mapping import init_variables, map_model, map_objective
from cal_jax.models.image_statistician import ImageStatistician, ImageStatisticianConfig
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.statistician_generation import more_items, transferred_items
from tests.small_models import binary_sets

SMALL = {
    "context_dim": 3,
    "latent_dim": 4,
    "image_size": 8,
    "dense_width": 8,
    "statistic_width": 8,
    "inference_width": 8,
    "depth": 2,
}


def made(posterior="product", sees=False):
    config = ImageStatisticianConfig(posterior, sees, **SMALL)
    model = ImageStatistician(config)
    x = jnp.zeros((2, 8, 8))
    return model, init_variables(neural_statistician_elbo, model, jax.random.key(0), x)


@pytest.mark.parametrize(("posterior", "sees"), [("statistic", True), ("product", False)])
def test_every_model_trains_with_padding_and_reaches_every_parameter(posterior, sees):
    model, variables = made(posterior, sees)
    x, _ = binary_sets(4, 5)
    mask = jnp.asarray([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]] * 2, jnp.float32)
    keys = jax.random.split(jax.random.key(1), (4, 2))
    training = map_objective(neural_statistician_elbo, model)

    def loss(params):
        terms, _ = training({**variables, "params": params}, keys, x, mask=mask)
        return -terms.elbo.mean(), terms

    gradient, terms = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert terms.kl_latents.shape == (4, 2, 1)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_style_is_of_the_image_alone_and_content_of_the_group_alone():
    """A synthesis changes with its sources; an item's z does not see its group."""
    model, variables = made()
    x, _ = binary_sets(3, 4)
    keys = jax.random.split(jax.random.key(2), 3)

    def both(generative, inference, key, content, style):
        z = inference.latent(0, inference.encode(style), None, jnp.zeros(3)).mean()
        there = inference.latent(0, inference.encode(style[:1]), None, jnp.ones(3)).mean()
        sets = transferred_items(key, generative, inference, content, style)
        return z[:1], there, sets.means, more_items(key, generative, inference, style).means

    run = jax.jit(map_model(both, model))
    alone, in_group, synthesised, more = run(variables, keys, x, x[::-1])
    np.testing.assert_allclose(alone, in_group, rtol=1e-5)
    assert synthesised.shape == more.shape == (3, 4, 8, 8)
    turned = run(variables, keys, x[:, ::-1], x[::-1])[2]
    np.testing.assert_allclose(turned, synthesised, rtol=1e-4)
    assert np.abs(run(variables, keys, x, x)[2] - synthesised).max() > 1e-5


def test_bad_choices_are_named():
    with pytest.raises(InputError, match="group_posterior must be one of statistic, product, mean"):
        ImageStatisticianConfig(group_posterior="sum")
    with pytest.raises(InputError, match="latent_dim must be at least 1"):
        ImageStatisticianConfig(latent_dim=0)
