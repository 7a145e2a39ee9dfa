"""Checks that a PyTorch twin equals its JAX model, given the same noise."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.twins.parameters import load_variables, torch_names
from benchmarks.twins.shared_noise import context_aware_noise, statistician_noise, vae_noise
from benchmarks.twins.statistician_bound import statistician_bound
from benchmarks.twins.torch_context_aware import TorchContextAware
from benchmarks.twins.torch_statistician import TorchStatistician
from benchmarks.twins.torch_vae import TorchVAE
from cal_jax.inference.mapping import dataset_keys, init_variables, map_objective
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from cal_jax.objectives.weighting import Weights, halving_weights, weighted_objective


class Parity(NamedTuple):
    """Differences between two models of the same weights, batch and noise."""

    loss: float
    """Of the training loss, relative."""
    gradient: float
    """The largest of any entry, relative to the largest entry of its parameter."""
    evaluation_loss: float
    """Of the loss by running averages, relative."""


def vae_parity(
    config: VAEConfig, event_shape: tuple[int, ...], *, images: int = 32, seed: int = 0
) -> Parity:
    """Compare ``VAE`` and ``TorchVAE`` on a batch of random images, weights and noise."""
    model = VAE(config, event_shape)
    x = np.random.default_rng(seed).integers(0, 2, (images, *event_shape)).astype(np.float32)
    key = jax.random.key(seed)
    variables = _moved(init_variables(vae_elbo, model, key, jnp.asarray(x[0])), key)
    keys = dataset_keys(key, 0, images, 1)
    noise = vae_noise(config, keys[:, 0])

    def loss(twin: nn.Module) -> Tensor:
        return -twin(torch.tensor(x).flatten(1), noise).elbo.mean()

    jax_loss = _jax_loss(vae_elbo, model, keys, (x,), Weights(), 1)
    return _compare(jax_loss, variables, TorchVAE(config, event_shape), loss)


def statistician_parity(
    config: NeuralStatisticianConfig,
    event_shape: tuple[int, ...],
    *,
    sets: int = 16,
    items: int = 10,
    seed: int = 0,
) -> Parity:
    """Compare ``NeuralStatistician`` and its twin on random sets, with the first epoch's loss.

    Give items two features or more: the gradient of a single feature's weight before
    a normalisation is zero but for epsilon, and its relative error that of rounding.
    """
    model = NeuralStatistician(config, event_shape)
    x = np.random.default_rng(seed).normal(size=(sets, items, *event_shape)).astype(np.float32)
    key = jax.random.key(seed)
    objective = functools.partial(neural_statistician_elbo, layers=config.layers)
    variables = _moved(init_variables(objective, model, key, jnp.asarray(x[0])), key)
    keys = dataset_keys(key, 0, sets, 1)
    noise = statistician_noise(config, items, keys[:, 0])
    weights = halving_weights(0, kl_power=1)

    def loss(twin: Any) -> Tensor:
        bound = statistician_bound(twin, torch.tensor(x), noise)
        return -bound.weighted(omega=2.0).mean() / items

    jax_loss = _jax_loss(objective, model, keys, (x,), weights, items)
    return _compare(jax_loss, variables, TorchStatistician(config, event_shape), loss)


def context_aware_parity(
    config: ContextAwareConfig,
    event_shape: tuple[int, ...],
    *,
    sets: int = 16,
    items: int = 10,
    seed: int = 0,
) -> Parity:
    """Compare ``ContextAwareLearner`` and its twin on random sets, with the first epoch's loss."""
    model = ContextAwareLearner(config, event_shape)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (sets, items, *event_shape)).astype(np.float32)
    a = rng.integers(0, 2, (sets, config.num_contexts)).astype(np.float32)
    key = jax.random.key(seed)
    variables = _moved(
        init_variables(context_aware_elbo, model, key, jnp.asarray(x[0]), jnp.asarray(a[0])), key
    )
    keys = dataset_keys(key, 0, sets, 1)
    noise = context_aware_noise(config, items, keys[:, 0])
    weights = halving_weights(0, kl_power=2)

    def loss(twin: Any) -> Tensor:
        bound = twin(torch.tensor(x), torch.tensor(a), noise)
        return -(2.0 * bound.reconstruction - bound.kl / 4.0).mean() / items

    jax_loss = _jax_loss(context_aware_elbo, model, keys, (x, a), weights, items)
    return _compare(jax_loss, variables, TorchContextAware(config, event_shape), loss)


def _jax_loss(
    objective: Callable[..., Any],
    model: Any,
    keys: jax.Array,
    data: tuple[np.ndarray, ...],
    weights: Weights,
    items: int,
) -> Callable[..., Any]:
    """(params, batch_stats, training) -> the loss that ``train_step`` minimises, batch_stats."""

    def loss(params: Any, batch_stats: Any, training: bool) -> Any:
        mapped = map_objective(objective, model, training=training)
        variables = {"params": params, "batch_stats": batch_stats}
        terms, updated = mapped(variables, keys, *map(jnp.asarray, data))
        terms = jax.tree.map(lambda term: jnp.mean(term, axis=(0, 1)) / items, terms)
        return -weighted_objective(terms, weights), updated

    return loss


def _compare(
    jax_loss: Callable[..., Any],
    variables: Any,
    twin: nn.Module,
    torch_loss: Callable[[nn.Module], Tensor],
) -> Parity:
    trained = jax.jit(jax.value_and_grad(jax_loss, has_aux=True), static_argnums=2)
    (expected, batch_stats), gradients = trained(
        variables["params"], variables["batch_stats"], True
    )
    load_variables(twin, variables)
    loss = torch_loss(twin.train())
    loss.backward()
    named = torch_names(gradients)
    errors = [
        np.abs(_gradient(parameter) - named[name]).max() / np.abs(named[name]).max()
        for name, parameter in twin.named_parameters()
    ]

    evaluated, _ = jax.jit(jax_loss, static_argnums=2)(variables["params"], batch_stats, False)
    load_variables(twin, {"params": variables["params"], "batch_stats": batch_stats})
    with torch.no_grad():
        evaluation_loss = torch_loss(twin.eval())
    return Parity(
        _relative(loss.item(), float(expected)),
        float(max(errors)),
        _relative(evaluation_loss.item(), float(evaluated)),
    )


def _moved(variables: Any, key: jax.Array) -> Any:
    """The variables with noise on every parameter, so that none is at a special value."""
    leaves, structure = jax.tree.flatten(variables["params"])
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + 0.1 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return {**variables, "params": jax.tree.unflatten(structure, moved)}


def _relative(value: float, expected: float) -> float:
    return abs(value - expected) / abs(expected)


def _gradient(parameter: nn.Parameter) -> np.ndarray:
    assert parameter.grad is not None
    return parameter.grad.numpy()
