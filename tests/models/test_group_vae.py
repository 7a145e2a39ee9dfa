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
from cal_jax.models.components.decoders import DenseDecoder, MLPDecoder
from cal_jax.models.components.encoders import DenseEncoder, EquivariantEncoder, MLPEncoder
from cal_jax.models.components.group_posteriors import GroupMean, GroupProduct, GroupStatistic
from cal_jax.models.components.likelihoods import Categorical, Normal
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.group_vae import GroupVAE, GroupVAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from experiments.baselines import scores as baseline_scores
from tests.small_models import binary_sets

SMALL = {
    "context_dim": 3,
    "latent_dim": 4,
    "encoder": DenseEncoder(8),
    "decoder": DenseDecoder(8),
    "hidden": Hidden(8, 2),
}
POSTERIORS = [GroupStatistic(8), GroupProduct(8), GroupMean(8)]


def made(posterior=POSTERIORS[1], sees=False, event_shape=(8, 8), **changes):
    model = GroupVAE(GroupVAEConfig(posterior, sees, **{**SMALL, **changes}), event_shape)
    x = jnp.zeros((2, *event_shape))
    return model, init_variables(neural_statistician_elbo, model, jax.random.key(0), x)


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_the_network_of_a_posterior_has_the_options_of_the_model(posterior):
    hidden = Hidden(5, depth=2, norm="layer", skip=False, activation="selu")
    trunk = posterior.networks(Sizes(1, 3, 4, (8, 8), hidden))["trunk"]
    assert trunk.hidden == Hidden(8, depth=2, norm="layer", skip=False, activation="selu")


@pytest.mark.parametrize(
    ("posterior", "sees", "changes"),
    [
        (POSTERIORS[0], True, {}),
        (POSTERIORS[1], False, {}),
        (POSTERIORS[2], True, {"encoder": MLPEncoder((8,)), "decoder": MLPDecoder((8,))}),
        (POSTERIORS[0], False, {"event_shape": (5,), "likelihood": Normal()}),
        (POSTERIORS[0], False, {"event_shape": (2, 2, 3), "likelihood": Categorical(3)}),
    ],
)
def test_every_model_trains_with_padding_and_reaches_every_parameter(posterior, sees, changes):
    model, variables = made(posterior, sees, **changes)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (4, 5, *model.event_shape)).astype(np.float32)
    mask = jnp.asarray([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]] * 2, jnp.float32)
    keys = jax.random.split(jax.random.key(1), (4, 2))
    training = map_objective(neural_statistician_elbo, model)

    def loss(params):
        terms, _ = training({**variables, "params": params}, keys, x, mask=mask)
        return -terms.elbo.mean(), terms

    gradient, terms = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert terms.kl_latents.shape == (4, 2, 1)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_padding_changes_neither_the_posterior_nor_the_batch_statistics(posterior):
    model, variables = made(posterior, True)
    x, _ = binary_sets(3, 4)
    padded = np.concatenate([x, 1 - x[:, :2]], axis=1)
    mask = np.array([[1, 1, 1, 1, 0, 0]] * 3, np.float32)

    def context(_, inference, x, mask):
        h = inference.encode(x)
        found = inference.context(h, mask)
        return found.mean(), found.variance()

    objective = jax.jit(map_objective(neural_statistician_elbo, model))
    keys = jax.random.split(jax.random.key(1), (3, 1))
    _, alone = objective(variables, keys, x)
    _, together = objective(variables, keys, padded, mask=mask)
    for one, other in zip(
        *map(jax.tree.leaves, (alone["posterior_trunk"], together["posterior_trunk"])), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    posterior_of = jax.jit(map_model(context, model))
    want = posterior_of(variables, x, np.ones((3, 4), np.float32))
    np.testing.assert_allclose(posterior_of(variables, padded, mask), want, atol=1e-6)


def test_the_default_has_as_many_parameters_as_its_layers_say():
    """A statistician of images: 384 in the encoder and decoder, 128 elsewhere."""

    def trunk(width, *inputs):
        return width * sum(inputs) + 2 * width * width + 3 * 2 * width

    def head(size):
        return (128 + 1) * 2 * size

    networks = trunk(384, 784) + trunk(384, 48, 32) + (384 + 1) * 784
    context = trunk(128, 384) + trunk(128, 128) + head(32)
    latent = trunk(128, 384, 32) + trunk(128, 32) + 2 * head(48)
    model = GroupVAE(GroupVAEConfig(), (28, 28))
    variables = jax.eval_shape(
        lambda: init_variables(
            neural_statistician_elbo, model, jax.random.key(0), jnp.zeros((2, 28, 28))
        )
    )
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert count == networks + context + latent


def test_the_encoder_reads_categories_one_by_one():
    _, variables = made(event_shape=(2, 3), likelihood=Categorical(4))
    embedding = variables["params"]["encoder"]["ResidualMLP_0"]["embedding"]
    assert embedding["input_0"]["kernel"].shape == (2 * 3 * 4, 8)


def test_items_of_another_shape_are_refused():
    model, variables = made()

    def context(_, inference, x):
        return inference.context(inference.encode(x), None).mean()

    with pytest.raises(InputError, match=r"x: shape \[4, 8, 7\] .*; accepted: \[N, 8, 8\]"):
        map_model(context, model)(variables, jnp.zeros((1, 4, 8, 7)))


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


@pytest.mark.parametrize(
    ("posterior", "twice_as_sure"), [(POSTERIORS[1], True), (POSTERIORS[2], False)]
)
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
    with pytest.raises(InputError, match="width must be at least 1"):
        GroupProduct(0)
    with pytest.raises(InputError, match="latent_dim must be at least 1"):
        GroupVAEConfig(latent_dim=0)
    with pytest.raises(InputError, match="encoder must not be an EquivariantEncoder"):
        GroupVAEConfig(encoder=EquivariantEncoder())
