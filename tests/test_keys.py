"""Every public function takes keys of both kinds, to the same numbers."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cal_jax
from cal_jax.errors import InputError
from cal_jax.keys import typed_key
from cal_jax.models.components.decoders import MLPDecoder
from cal_jax.models.components.encoders import MLPEncoder
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.nn.hidden import Hidden
from tests.objectives.test_checks import BINARY, LABEL, gaussian, learner, statistician, vae
from tests.small_models import binary_sets, small_model

LABELS = jnp.eye(2)
PRIOR = jnp.zeros(2)
TWICE = cal_jax.LiveAndStopped


def with_labels():
    return learner(labels=lambda h, mask: jnp.zeros(2))


def made_statistician():
    model = NeuralStatistician(NeuralStatisticianConfig(layers=1, hidden=Hidden(4, 1)), (6,))
    return model, made(cal_jax.neural_statistician_elbo, model, BINARY)


def made_vae():
    model = VAE(VAEConfig(encoder=MLPEncoder((4,)), decoder=MLPDecoder((4,))), (4, 4))
    return model, made(cal_jax.vae_elbo, model, jnp.zeros((4, 4)))


def made(objective, model, *data):
    return cal_jax.init_variables(objective, model, jax.random.key(0), *data)


def sampled(draw):
    model, variables = small_model()
    return draw(cal_jax.Sampler(model, variables, 2))


def rendered():
    """A data set whose items are shown with noise of the key, and two sets of it."""
    dataset = cal_jax.FactorDataset(
        np.zeros((6, 2), np.float32),
        {"kind": np.arange(6) % 2},
        rendered={"level": ("low", "high")},
        render=lambda items, values, key: items + jax.random.normal(key, items.shape),
    )
    sets = cal_jax.draw_context_sets(
        np.random.default_rng(0), dataset, dataset.names, num_sets=2, set_size=2
    )
    return dataset, dataset.names, sets


X, A = binary_sets(2, 3)
FEW = {"contexts": 2, "latents": 2}
IMAGES = np.zeros((2, 4, 4), np.float32)
CASES = {
    "concrete": lambda key: cal_jax.concrete(key, PRIOR, 0.5),
    "straight_through_gumbel": lambda key: cal_jax.straight_through_gumbel(key, PRIOR, 0.5),
    "gumbel_rao": lambda key: cal_jax.gumbel_rao(key, PRIOR, 0.5, inner_samples=2),
    "context_aware_elbo": lambda key: cal_jax.context_aware_elbo(
        key, learner(), learner(), BINARY, LABEL
    ),
    "context_aware_items": lambda key: cal_jax.context_aware_items(
        key, learner(), learner(), BINARY, BINARY, jnp.zeros((2, 3)), LABEL
    ),
    "context_aware_items_given_contexts": lambda key: cal_jax.context_aware_items_given_contexts(
        key, learner(), learner(), BINARY, BINARY, jnp.zeros((5, 2, 3))
    ),
    "context_aware_log_weights": lambda key: cal_jax.context_aware_log_weights(
        key, learner(), learner(), BINARY, LABEL, latent_samples=2
    ),
    "label_bounds": lambda key: cal_jax.label_bounds(
        key, with_labels(), with_labels(), BINARY, LABELS
    ),
    "label_elbo": lambda key: cal_jax.label_elbo(
        key, with_labels(), with_labels(), BINARY, LABELS, PRIOR, estimator="exact"
    ),
    "hard_label_elbo": lambda key: cal_jax.hard_label_elbo(
        key, with_labels(), with_labels(), BINARY, LABELS, PRIOR, choice="sampled"
    ),
    "generate_set": lambda key: cal_jax.generate_set(key, learner(), LABEL, 5),
    "generate_items": lambda key: cal_jax.generate_items(key, statistician(), jnp.zeros(3), 5),
    "neural_statistician_elbo": lambda key: cal_jax.neural_statistician_elbo(
        key, statistician(), statistician(), BINARY
    ),
    "neural_statistician_items": lambda key: cal_jax.neural_statistician_items(
        key, statistician(), statistician(), BINARY, BINARY, jnp.zeros(3)
    ),
    "neural_statistician_log_weights": lambda key: cal_jax.neural_statistician_log_weights(
        key, statistician(), statistician(), BINARY, latent_samples=2
    ),
    "neural_statistician_dreg_log_weights": lambda key: (
        cal_jax.neural_statistician_dreg_log_weights(
            key, *[TWICE(statistician(), statistician())] * 2, BINARY
        )
    ),
    "vae_elbo": lambda key: cal_jax.vae_elbo(key, vae(), vae(), BINARY[0]),
    "vae_log_weight": lambda key: cal_jax.vae_log_weight(key, vae(), vae(), BINARY[0]),
    "vae_dreg_log_weights": lambda key: cal_jax.vae_dreg_log_weights(
        key, *[TWICE(vae(), vae())] * 2, BINARY[0]
    ),
    "dataset_keys": lambda key: jax.random.key_data(cal_jax.dataset_keys(key, 0, 2, 3)),
    "init_variables": lambda key: cal_jax.init_variables(
        cal_jax.neural_statistician_elbo, made_statistician()[0], key, BINARY
    ),
    "infer": lambda key: cal_jax.infer(*small_model(), key, X, LABELS, **FEW),
    "label_log_likelihoods": lambda key: cal_jax.label_log_likelihoods(
        *small_model(), key, X, np.eye(2), **FEW
    ),
    "set_log_likelihoods": lambda key: cal_jax.set_log_likelihoods(
        *made_statistician(), key, np.asarray(BINARY)[None], layers=1, **FEW
    ),
    "item_log_likelihoods": lambda key: cal_jax.item_log_likelihoods(
        *made_vae(), key, IMAGES, samples=2
    ),
    "Sampler.unconditional": lambda key: sampled(lambda one: one.unconditional(key, A[0], 2)),
    "Sampler.conditional": lambda key: sampled(lambda one: one.conditional(key, X, A[0])),
    "Sampler.synthesise": lambda key: sampled(lambda one: one.synthesise(key, X[None], A)),
    "Sampler.from_constants": lambda key: sampled(
        lambda one: one.from_constants(key, np.ones((2, 3), np.float32), A[0])
    ),
    "SetSampler.one": lambda key: cal_jax.stored_sampler(*rendered()).one(key),
    "render_sets": lambda key: cal_jax.render_sets(*rendered(), key),
    "map_objective": lambda key: cal_jax.map_objective(
        cal_jax.vae_elbo, made_vae()[0], training=False
    )(made_vae()[1], jax.random.split(key, (2, 2)), IMAGES),
}


@pytest.mark.parametrize("name", CASES)
def test_both_kinds_of_keys_give_the_same_numbers(name):
    got, want = (CASES[name](key) for key in (jax.random.PRNGKey(7), jax.random.key(7)))
    jax.tree.map(np.testing.assert_array_equal, got, want)


def test_every_public_function_with_a_key_has_a_case():
    takes_key = set()
    for name in cal_jax.__all__:
        found = getattr(cal_jax, name)
        if inspect.isfunction(found) and "key" in inspect.signature(found).parameters:
            takes_key.add(name)
        if inspect.isclass(found):
            takes_key |= {
                f"{name}.{method}"
                for method, function in vars(found).items()
                if inspect.isfunction(function)
                and "key" in inspect.signature(function).parameters
                and not method.startswith("_")
            }
    assert takes_key == CASES.keys() - {"map_objective"}


@pytest.mark.parametrize("key", [7, np.arange(2), jnp.zeros(3, jnp.uint32), "seed"])
def test_what_is_no_key_is_named(key):
    with pytest.raises(InputError, match=r"key: .*; accepted: jax\.random\.key\(seed\)"):
        typed_key(key)


def test_keys_of_any_shape_are_wrapped():
    keys = jax.random.split(jax.random.key(0), (2, 3))
    assert typed_key(keys) is keys
    assert typed_key(jax.random.key_data(keys)).shape == (2, 3)
    assert gaussian(2).sample(seed=jax.random.PRNGKey(0)).shape == (2,)
