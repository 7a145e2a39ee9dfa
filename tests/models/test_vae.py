"""The autoencoder meets its protocol, at the thesis's size and at others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.mapping import init_variables, map_model, map_objective
from cal_jax.models.components.decoders import DenseDecoder, MLPDecoder
from cal_jax.models.components.encoders import DenseEncoder, EquivariantEncoder, MLPEncoder
from cal_jax.models.components.likelihoods import Categorical, DiscretizedLogistic, Normal
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.vae import vae_elbo

SMALL = {"encoder": MLPEncoder((6, 5)), "decoder": MLPDecoder((5, 6))}


def made(event_shape=(4, 4), **changes):
    model = VAE(VAEConfig(**{**SMALL, **changes}), event_shape)
    return model, init_variables(vae_elbo, model, jax.random.key(0), jnp.zeros(event_shape))


def test_the_thesis_s_model_has_a_million_parameters():
    """784-500-200-2 and its mirror: weights, batch norms' scales and biases, heads with biases."""
    model = VAE(VAEConfig(), (28, 28))
    variables = jax.eval_shape(
        lambda: init_variables(vae_elbo, model, jax.random.key(0), jnp.zeros((28, 28)))
    )
    encoder = 784 * 500 + 2 * 500 + 500 * 200 + 2 * 200 + 200 * 4 + 4
    decoder = 2 * 200 + 2 * 200 + 200 * 500 + 2 * 500 + 500 * 784 + 784
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == encoder + decoder


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"hidden": Hidden(norm="layer")},
        {"hidden": Hidden(norm="none"), "latent_dim": 3},
        {"covariance": "full"},
        {"encoder": DenseEncoder(6), "decoder": DenseDecoder(6), "hidden": Hidden(depth=2)},
    ],
)
def test_every_choice_trains_and_evaluates(changes):
    model, variables = made(**changes)
    x = (np.random.default_rng(0).random((5, 4, 4)) < 0.4).astype(np.float32)
    keys = jax.random.split(jax.random.key(1), (5, 2))
    training = map_objective(vae_elbo, model)

    def loss(params):
        terms, updated = training({**variables, "params": params}, keys, x)
        return -terms.elbo.mean(), (terms, updated)

    gradient, (terms, updated) = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert terms.elbo.shape == (5, 2)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    assert bool(updated) == (model.config.hidden.norm == "batch")


@pytest.mark.parametrize(
    ("likelihood", "event_shape"),
    [(Normal(), (3,)), (DiscretizedLogistic(), (2, 3, 3)), (Categorical(4), (5,))],
)
def test_items_of_any_shape_and_likelihood_train(likelihood, event_shape):
    model, variables = made(event_shape, likelihood=likelihood)
    x = np.random.default_rng(0).integers(0, 4, (5, *event_shape)).astype(np.float32)
    keys = jax.random.split(jax.random.key(1), (5, 1))

    def loss(params):
        terms, _ = map_objective(vae_elbo, model)({**variables, "params": params}, keys, x)
        return -terms.elbo.mean()

    gradient = jax.jit(jax.grad(loss))(variables["params"])
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))

    def mean(generative, inference, x):
        return generative.likelihood(inference.posterior(x).mean()).mean()

    alone = jax.jit(map_model(mean, model))(variables, x)
    assert alone.shape == x.shape
    as_a_set = jax.jit(map_model(mean, model))(variables, x[None])
    np.testing.assert_allclose(as_a_set[0], alone, rtol=1e-5, atol=1e-5)


def test_the_encoder_reads_categories_one_by_one():
    _, variables = made((5,), likelihood=Categorical(4))
    assert variables["params"]["encoder"]["Dense_0"]["kernel"].shape == (5 * 4, 6)


def test_another_shape_than_the_model_s_is_named():
    model, variables = made()

    def posterior(_, inference, x):
        return inference.posterior(x).mean()

    with pytest.raises(InputError, match=r"x: shape \[4, 5\]; accepted: \[\.\.\., 4, 4\]"):
        map_model(posterior, model)(variables, jnp.zeros((3, 4, 5)))
    with pytest.raises(InputError, match=r"x: shape \[4\]; accepted: \[\.\.\., 4, 4\]"):
        map_model(posterior, model)(variables, jnp.zeros((3, 4)))


def test_batch_statistics_are_taken_over_images_and_samples():
    """The decoder's first layer sees samples of z; the encoder's the images alone."""
    model, variables = made()
    x = (np.random.default_rng(0).random((6, 4, 4)) < 0.4).astype(np.float32)
    keys = jax.random.split(jax.random.key(1), (6, 3))
    _, updated = jax.jit(map_objective(vae_elbo, model))(variables, keys, x)
    kernel = variables["params"]["encoder"]["Dense_0"]["kernel"]
    want = 0.1 * (x.reshape(6, -1) @ np.asarray(kernel)).mean(axis=0)
    np.testing.assert_allclose(updated["encoder"]["BatchNorm_0"]["mean"], want, atol=1e-6)


def test_in_evaluation_an_image_does_not_see_its_batch_mates():
    model, variables = made()
    x = (np.random.default_rng(0).random((3, 4, 4)) < 0.4).astype(np.float32)

    def mean(generative, inference, x):
        return generative.likelihood(inference.posterior(x).mean()).mean()

    mapped = jax.jit(map_model(mean, model))
    together, alone = mapped(variables, x), mapped(variables, x[1:2])
    assert together.shape == (3, 4, 4)
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be at least 1"),
        ({"covariance": "none"}, "covariance must be one of diagonal, full"),
        ({"encoder": EquivariantEncoder()}, "encoder must not be an EquivariantEncoder"),
    ],
)
def test_bad_choices_are_named(change, message):
    with pytest.raises(InputError, match=message):
        VAEConfig(**change)


@pytest.mark.parametrize("component", [MLPEncoder, MLPDecoder])
@pytest.mark.parametrize("widths", [(), (5, 0)])
def test_a_network_without_units_is_refused(component, widths):
    with pytest.raises(InputError, match="widths must be one or more sizes of at least 1"):
        component(widths)
