"""The noise that cal_jax's objectives draw, for the twins: one key a data set, keys [B]."""

import functools

import jax
import numpy as np
import torch
from jax import Array
from torch import Tensor

from benchmarks.twins.statistician_bound import Noise
from benchmarks.twins.torch_context_aware import ContextAwareNoise
from cal_jax.distributions import sample, standard_gaussian
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.models.vae import VAEConfig


def vae_noise(config: VAEConfig, keys: Array) -> Tensor:
    """What ``vae_elbo`` draws from these keys, [B, Z]."""
    return _tensor(jax.vmap(functools.partial(_normal, (config.latent_dim,)))(keys))


def statistician_noise(config: NeuralStatisticianConfig, items: int, keys: Array) -> Noise:
    """What ``neural_statistician_elbo`` draws from these keys for sets of so many items."""

    def one(key: Array) -> tuple[Array, list[Array]]:
        key_context, key_items = jax.random.split(key)
        latent = (items, config.latent_dim)
        layers = [_normal(latent, jax.random.fold_in(key_items, n)) for n in range(config.layers)]
        return _normal((config.context_dim,), key_context), layers

    context, layers = jax.vmap(one)(keys)
    return Noise(_tensor(context), tuple(_tensor(z) for z in layers))


def context_aware_noise(config: ContextAwareConfig, items: int, keys: Array) -> ContextAwareNoise:
    """What ``context_aware_elbo`` draws from these keys for sets of so many items."""
    contexts = (config.num_contexts, config.context_dim)

    def one(key: Array) -> tuple[Array, Array, Array]:
        key_constant, key_items = jax.random.split(key)
        key_varying, key_latent = jax.random.split(key_items)
        return (
            _normal(contexts, key_constant),
            _normal((items, *contexts), key_varying),
            _normal((items, config.latent.dim), key_latent),
        )

    return ContextAwareNoise(*map(_tensor, jax.vmap(one)(keys)))


def _normal(shape: tuple[int, ...], key: Array) -> Array:
    return sample(standard_gaussian(shape), key)


def _tensor(array: Array) -> Tensor:
    return torch.tensor(np.asarray(array))
