"""Importance-weighted objectives of a Flax model: running averages, chunks, stopped twins."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.distributions import diagonal_gaussian, standard_gaussian
from cal_jax.inference.mapping import dataset_keys, init_variables, map_objective
from cal_jax.models.stop_gradient import StopGradientCopy
from cal_jax.nn.apply_context import EVALUATION
from cal_jax.nn.norm import BatchNorm
from cal_jax.objectives.gradient_estimators import (
    dreg_bound,
    nested_dreg_bound,
    neural_statistician_dreg_log_weights,
    sticking_the_landing,
    vae_dreg_log_weights,
)
from cal_jax.objectives.importance import (
    importance_weighted,
    nested_bound,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo

SETS, ITEMS, DIM, LATENTS = 3, 4, 2, 5


class TinyStatistician(nn.Module):
    """q(z) = N(0, I) whatever is seen, so the noise is z; batch normalisation of z, and of x."""

    def setup(self):
        self.item_norm, self.latent_norm = BatchNorm(), BatchNorm()
        self.encoder, self.decoder = nn.Dense(DIM), nn.Dense(DIM)

    def inference(self, run=EVALUATION):
        def context(h, mask):
            del mask
            return diagonal_gaussian(self.encoder(h.mean(axis=0)), jnp.zeros(DIM))

        return SimpleNamespace(
            encode=lambda x: self.item_norm(x, run),
            context=context,
            latent=lambda layer, h, z_above, c: standard_gaussian((len(h), DIM)),
        )

    def generative(self, run=EVALUATION):
        def likelihood(zs, c):
            mean = self.decoder(self.latent_norm(zs[0], run)) + c[None]
            return diagonal_gaussian(mean, jnp.zeros(DIM))

        return SimpleNamespace(
            context_prior=lambda: standard_gaussian((DIM,)),
            latent_prior=lambda layer, z_above, c: standard_gaussian((DIM,)),
            likelihood=likelihood,
        )


class TinyVAE(nn.Module):
    """q(z | x) = N(W x, I); batch normalisation of z."""

    def setup(self):
        self.norm, self.encoder, self.decoder = BatchNorm(), nn.Dense(DIM), nn.Dense(DIM)

    def inference(self, run=EVALUATION):
        del run
        return SimpleNamespace(
            posterior=lambda x: diagonal_gaussian(self.encoder(x), jnp.zeros(DIM))
        )

    def generative(self, run=EVALUATION):
        def likelihood(z):
            return diagonal_gaussian(self.decoder(self.norm(z, run)), jnp.zeros(DIM))

        return SimpleNamespace(prior=lambda: standard_gaussian((DIM,)), likelihood=likelihood)


def statistician_case():
    x = jax.random.normal(jax.random.key(2), (SETS, ITEMS, DIM))
    model = TinyStatistician()
    return model, init_variables(neural_statistician_elbo, model, jax.random.key(0), x[0]), x


def vae_case():
    x = jax.random.normal(jax.random.key(2), (SETS * ITEMS, DIM))
    model = TinyVAE()
    return model, init_variables(vae_elbo, model, jax.random.key(0), x[0]), x


def keys_of(x, samples):
    return dataset_keys(jax.random.key(1), 0, len(x), samples)


def assert_tree_close(got, want, **tolerance):
    jax.tree.map(lambda got, want: np.testing.assert_allclose(got, want, **tolerance), got, want)


def test_running_averages_are_over_sets_contexts_items_and_latent_samples():
    """z is the noise itself: item by item, each with its S samples side by side."""
    model, variables, x = statistician_case()
    contexts = 3
    keys = keys_of(x, contexts)
    mapped = map_objective(neural_statistician_log_weights, model, latent_samples=LATENTS)
    weights, statistics = jax.jit(mapped)(variables, keys, x)
    assert weights.items.shape == (SETS, contexts, ITEMS, LATENTS)

    def noise(key):
        key_latent = jax.random.fold_in(jax.random.split(key)[1], 0)
        return jax.random.normal(key_latent, (ITEMS * LATENTS, DIM))

    z = np.concatenate([noise(key) for key in keys.reshape(-1)])
    assert len(z) == SETS * contexts * ITEMS * LATENTS
    for name, rows in (("latent_norm", z), ("item_norm", x.reshape(-1, DIM))):
        want = {"mean": 0.1 * rows.mean(axis=0), "variance": 0.9 + 0.1 * rows.var(axis=0)}
        assert_tree_close(statistics[name], want, rtol=1e-5, atol=1e-6)


def test_the_doubly_reparameterised_weights_update_running_averages_once():
    model, variables, x = statistician_case()
    keys = keys_of(x, 3)

    @jax.jit
    def both(variables):
        plain = map_objective(neural_statistician_log_weights, model, latent_samples=LATENTS)
        doubly = map_objective(
            neural_statistician_dreg_log_weights, StopGradientCopy(model), latent_samples=LATENTS
        )
        return plain(variables, keys, x), doubly(variables, keys, x)

    (weights, want), (paths, got) = both(variables)
    assert_tree_close(got, want, rtol=1e-6)
    for path in paths:
        assert_tree_close(path, weights, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(nested_dreg_bound(paths), nested_bound(weights), rtol=1e-6)


def test_an_item_s_twins_share_its_variables_and_each_part_has_its_own_gradient():
    model, variables, x = vae_case()
    keys = keys_of(x, 3)
    plain = map_objective(vae_log_weight, model)
    doubly = map_objective(vae_dreg_log_weights, StopGradientCopy(model))
    stuck = map_objective(sticking_the_landing(vae_log_weight), StopGradientCopy(model))

    @jax.jit
    def everything(variables):
        def gradient(part):
            def total(params):
                return part(doubly({**variables, "params": params}, keys, x)[0]).sum()

            return jax.grad(total)(variables["params"])

        return (
            [one(variables, keys, x) for one in (plain, doubly, stuck)],
            [
                gradient(lambda weights, name=name: getattr(weights, name))
                for name in ("generative", "latent")
            ],
        )

    ((weights, want), (parts, got), (same, also)), (generative, latent) = everything(variables)
    assert_tree_close([got, also], [want, want], rtol=1e-6)
    assert_tree_close([*parts, same], [weights] * 3, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dreg_bound(parts), importance_weighted(weights), rtol=1e-6)

    def size(gradient, network):
        return max(np.abs(leaf).max() for leaf in jax.tree.leaves(gradient[network]))

    assert size(generative, "encoder") == size(latent, "decoder") == size(latent, "norm") == 0
    assert min(size(generative, "decoder"), size(generative, "norm"), size(latent, "encoder")) > 0.1


def test_many_contexts_in_chunks_are_the_bound_of_all_at_once():
    model, variables, x = statistician_case()
    keys = keys_of(x, 12)

    def one(key, generative, inference, x, *, mask=None, **options):
        weights = neural_statistician_log_weights(
            key, generative, inference, x, mask=mask, **options
        )
        return set_log_weight(weights, mask)

    @jax.jit
    def both(variables):
        options = {"training": False, "latent_samples": LATENTS}
        whole, _ = map_objective(neural_statistician_log_weights, model, **options)(
            variables, keys, x
        )
        mapped = map_objective(one, model, **options)
        in_chunks = jnp.moveaxis(keys.reshape(SETS, 4, 3), 1, 0)
        chunks = jax.lax.map(lambda keys: mapped(variables, keys, x)[0], in_chunks)
        return whole, importance_weighted(jnp.moveaxis(chunks, 0, 1).reshape(SETS, -1))

    whole, in_chunks = both(variables)
    np.testing.assert_allclose(in_chunks, nested_bound(whole), rtol=1e-6)
