"""The neural statistician of images, ML-VAE and GVAE meet the statistician's protocol."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.inference.mapping import init_variables, map_model, map_objective
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.statistician import more_items, transferred_items
from cal_jax.models.group_vae import ImageStatistician, ImageStatisticianConfig
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from experiments.baselines import scores as baseline_scores
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


@pytest.mark.parametrize(("posterior", "twice_as_sure"), [("product", True), ("mean", False)])
def test_a_product_is_twice_as_sure_of_a_group_shown_twice_and_a_mean_is_not(
    posterior, twice_as_sure
):
    model, variables = made(posterior)
    x, _ = binary_sets(1, 3)

    def content(_, inference, x):
        found = inference.context(inference.encode(x), None)
        return found.mean(), found.variance()

    run = jax.jit(map_model(content, model))
    (mean, variance), (mean_of_twice, variance_of_twice) = (
        run(variables, images) for images in (x, np.concatenate([x, x], axis=1))
    )
    np.testing.assert_allclose(mean_of_twice, mean, atol=1e-5)
    factor = 0.5 if twice_as_sure else 1.0
    np.testing.assert_allclose(variance_of_twice, factor * variance, rtol=1e-4)


@pytest.mark.parametrize("group", [0, 1])
def test_content_comes_from_the_set_that_shares_the_group_s_factor(group, monkeypatch):
    def sources(key, generative, inference, content, style):
        return GeneratedSet(content, style)

    monkeypatch.setattr(baseline_scores, "transferred_items", sources)
    (first, second), _ = binary_sets(2, 3)
    given = tuple(RealSets(x[None], np.zeros((1, 3, 2), int)) for x in (first, second))
    real = Real(given, given[0], given[1])
    found = baseline_scores.generate_conditioned(*made(), jax.random.key(0), real, group)
    np.testing.assert_array_equal(found.synthesis.samples, given[group].x)
    np.testing.assert_array_equal(found.synthesis.means, given[1 - group].x)


def test_bad_choices_are_named():
    with pytest.raises(InputError, match="group_posterior must be one of statistic, product, mean"):
        ImageStatisticianConfig(group_posterior="sum")
    with pytest.raises(InputError, match="latent_dim must be at least 1"):
        ImageStatisticianConfig(latent_dim=0)
