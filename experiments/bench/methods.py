"""The methods of the bench: a model, its objective, its sets, and how it encodes items.

Shape letters: I items, K factors, C dimensions of a factor's block.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import ConstantMask, one_constant
from cal_jax.data.set_samplers import SetSampler, device_sampler
from cal_jax.data.sets import DataSet
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.labels import ScatterLabels
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Standard
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.objectives.contrasted import item_posterior_means
from cal_jax.objectives.shared_latents import (
    Average,
    adaptive_latents_elbo,
    told_latents_elbo,
)
from cal_jax.objectives.slow_vae import slow_vae_elbo
from cal_jax.objectives.vae import vae_items_elbo
from cal_jax.objectives.weighting import Weights
from cal_jax.training.config import Objective
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import known_masks, masks_by_contrast
from experiments.bench.config import BenchConfig
from experiments.bench.data import DATA

TOLD = ("gvae", "ml_vae")
"""Methods whose pairs come with the factors that they share."""


class Method(NamedTuple):
    """What a method trains on what."""

    model: nn.Module
    objective: Objective
    sets: Any
    """See the data of ``training.fit.fit``."""
    batch_size: int
    """Of the sets."""
    blocks: bool
    """Whether a factor has a block of dimensions of its own."""


def method_of(config: BenchConfig, name: str, items: FactorDataset) -> Method:
    """A method of ``config.METHODS``.

    Args:
      config: of the bench.
      name: of the method.
      items: that it is trained on.
    """
    if name.startswith("context_aware"):
        return _learner(config, items, told=name.endswith("told"))
    factors = DATA[config.data].factors
    model = VAE(
        VAEConfig(
            latent_dim=config.block * len(factors),
            encoder=config.encoder,
            decoder=config.decoder,
            likelihood=config.likelihood,
            hidden=config.hidden,
        ),
        items.event_shape,
    )
    sets = _pairs(items, factors, with_masks=name in TOLD)
    return Method(model, _objective(config, name), sets, config.pairs, name in TOLD)


def _objective(config: BenchConfig, name: str) -> Objective:
    """The bound of one pair, and the weights of its terms."""
    weigh = functools.partial(_constant, Weights())
    if name in ("vae", "beta_vae"):
        beta = config.beta if name == "beta_vae" else 1.0
        weigh = functools.partial(_constant, Weights(1.0, {"kl_latent": beta}))
        return Objective(vae_items_elbo, weights=weigh)
    if name == "slow_vae":
        weigh = functools.partial(
            _constant, Weights(1.0, {"kl_transition": config.transition_weight})
        )
        return Objective(functools.partial(slow_vae_elbo, rate=config.rate), weights=weigh)
    bound = told_latents_elbo if name in TOLD else adaptive_latents_elbo
    average: Average = "product" if name.endswith("ml_vae") else "mean"
    return Objective(functools.partial(bound, average=average), weights=weigh)


def _constant(weights: Weights, step: Any) -> Weights:
    del step
    return weights


def _pairs(items: FactorDataset, factors: tuple[str, ...], *, with_masks: bool) -> SetSampler:
    """Pairs that share all factors but one, each of these equally often."""
    but_one: list[ConstantMask] = [
        tuple(1 - entry for entry in mask) for mask in one_constant(len(factors))
    ]
    sampler = device_sampler(items, factors, set_size=2, mix=[(mask, 1.0) for mask in but_one])

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        found = sampler.draw(key, data, row).data
        return DataSet(found if with_masks else found[:1])

    return sampler._replace(draw=draw)


def _learner(config: BenchConfig, items: FactorDataset, *, told: bool) -> Method:
    """A context-aware learner of sets that share one factor, which it is told or infers."""
    factors = DATA[config.data].factors
    masks = one_constant(len(factors))
    model = ContextAwareLearner(
        ContextAwareConfig(
            contexts=named(*factors),
            context_dim=config.block,
            latent=Latent(1, prior=Standard()),
            encoder=config.encoder,
            decoder=config.decoder,
            posterior=SharedExperts(config.hidden.width),
            constant_prior=Standard(),
            varying_prior=Standard(),
            likelihood=config.likelihood,
            labels=None if told else ScatterLabels(num_labels=len(masks)),
            hidden=config.hidden,
        ),
        items.event_shape,
    )
    shared: dict[str, Any] = {
        "contrast": config.contrast,
        "spread": config.spread,
        "latent_weight": config.latent_weight,
        "half_life": config.weight_half_life,
    }
    if told:
        objective = known_masks(dependence=config.dependence, **shared)
    else:
        objective = masks_by_contrast(
            masks,
            temperature=config.temperature,
            balance_decay=config.balance_decay,
            **shared,
        )
    sets = FactorSets(items, set_size=config.set_size)
    return Method(model, objective, sets, config.training.batch_size, blocks=True)


def encoder_of(method: Method, factors: int) -> Callable[[Variables, np.ndarray], np.ndarray]:
    """Codes of items x [I, *X]: posterior means [I, K, C], or [I, D] of a method without blocks.

    Args:
      method: whose.
      factors: K.
    """
    model = method.model
    if isinstance(model, ContextAwareLearner):

        def means_of(generative: Any, inference: Any, x: jax.Array) -> jax.Array:
            del generative
            return item_posterior_means(inference, inference.encode(x), jnp.zeros(factors))
    else:

        def means_of(generative: Any, inference: Any, x: jax.Array) -> jax.Array:
            del generative
            return inference.posterior(x).mean()

    mapped = jax.jit(map_model(means_of, model))

    def encode(variables: Variables, x: np.ndarray) -> np.ndarray:
        codes = in_batches(lambda batch: mapped(variables, batch[None])[0], x)
        return codes.reshape(len(x), factors, -1) if method.blocks else codes

    return encode
