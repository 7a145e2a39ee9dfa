"""What the models of a typeface study are trained on, and how."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.context_sets import SetSize, draw_context_sets
from cal_jax.data.crossed_sets import crossed_sampler, largest_group_count
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import SetSampler, device_sampler, render_sets
from cal_jax.data.sets import DataSet
from cal_jax.models.components.group_posteriors import GroupStatistic
from cal_jax.models.group_vae import GroupVAE, GroupVAEConfig
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.crossed import crossed_elbo
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.weighting import Weights
from cal_jax.training.config import Objective
from cal_jax.training.recipes import known_masks
from experiments.common.run import Fit
from experiments.typefaces.config import (
    CONTEXTS,
    GIVEN,
    GROUP_VAES,
    STATISTICIAN,
    TypefacesConfig,
)
from experiments.typefaces.restyle import restyle_faces

SHARES_TYPEFACE = (0, 1)

BOUND_SETS, BOUND_TABLES = 500, 50
"""Of which the bound is taken."""


def learner_objective(config: TypefacesConfig) -> Objective:
    """The bound of crossed sets, or that of sets sharing one context with the contrastive loss."""
    if config.objective == "shared":
        return known_masks(
            contrast=config.contrast,
            dependence=config.dependence,
            latent_weight=config.latent_weight,
            half_life=config.weight_half_life,
        )
    bound = functools.partial(crossed_elbo, num_groups=largest_group_count(_table(config)))
    return Objective(bound, weights=functools.partial(_latent_weights, config))


def learner_sets(config: TypefacesConfig, items: FactorDataset) -> SetSampler:
    """Sets for the learner's objective, their faces restyled.

    In a table, a typeface's posterior reads 1, 2, 4 or 8 of its glyphs, as many as are given
    when it is completed; a letter's reads all of its glyphs.
    """
    if config.objective == "crossed":
        tables = crossed_sampler(items, _table(config), {CONTEXTS[1]: GIVEN})
        return restyled(config, tables, lambda _, groups, given: groups[:, 1])
    return restyled(
        config,
        device_sampler(items, CONTEXTS, set_size=set_size_of(config)),
        lambda x, a: jnp.where(a[1] > 0, 0, jnp.arange(len(x))),
    )


def restyled(
    config: TypefacesConfig, sampler: SetSampler, faces_of: Callable[..., jax.Array]
) -> SetSampler:
    """The sampler with a random change of every face, if the config asks for it.

    Args:
      config: of the study.
      sampler: of x [N, H, W] and labels.
      faces_of: (x, *labels) -> int [N]: which of the set's items are of one face.
    """
    if not config.restyle:
        return sampler

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        key_set, key_faces = jax.random.split(key)
        (x, *labels), mask = sampler.draw(key_set, data, row)
        changed = restyle_faces(key_faces, x, faces_of(x, *labels), len(x))
        return DataSet((changed, *labels), mask)

    return sampler._replace(draw=draw)


def set_size_of(config: TypefacesConfig) -> SetSize:
    """Items of a set that shares one context."""
    low, high = config.set_size
    return low if low == high else config.set_size


def scored_sets(
    config: TypefacesConfig, items: FactorDataset, seed: int
) -> tuple[Callable[..., Any], tuple[np.ndarray, ...]]:
    """The bound of the learner's objective, and the sets [M, N, ...] that it is taken of.

    Args:
      items: that nothing was fitted on.
      seed: of the choice of sets.
    """
    faces = items.sizes[CONTEXTS[1]]
    if config.objective == "shared":
        rng, size = np.random.default_rng(seed), min(config.set_size[1], faces)
        sets = draw_context_sets(rng, items, CONTEXTS, num_sets=BOUND_SETS, set_size=size)
        return context_aware_elbo, (render_sets(items, CONTEXTS, sets), sets.constant_mask)
    table = {CONTEXTS[0]: config.table[0], CONTEXTS[1]: min(config.table[1], faces)}
    sampler = crossed_sampler(items, table, {CONTEXTS[1]: GIVEN})
    keys = jax.random.split(jax.random.key(seed), BOUND_TABLES)
    drawn = jax.jit(jax.vmap(sampler.draw, in_axes=(0, None, None)))(keys, sampler.data, 0)
    bound = functools.partial(crossed_elbo, num_groups=largest_group_count(table))
    return bound, tuple(map(np.asarray, drawn.data))


def group_vae_fit(config: TypefacesConfig, name: str, items: FactorDataset) -> tuple[GroupVAE, Fit]:
    """A group VAE or neural statistician as wide as the learner, on sets of one typeface each."""
    own, event_shape = config.model, items.event_shape
    posterior = {**GROUP_VAES, STATISTICIAN: GroupStatistic}[name](own.hidden.width)
    model = GroupVAE(
        GroupVAEConfig(
            posterior,
            latent_sees_context=name == STATISTICIAN,
            context_dim=own.context_dim,
            latent_dim=own.context_dim,
            encoder=own.encoder,
            decoder=own.decoder,
            likelihood=own.likelihood,
            hidden=own.hidden,
        ),
        event_shape,
    )
    size = min(config.set_size[1], len(config.letters))
    sets = restyled(
        config,
        device_sampler(items, CONTEXTS, set_size=size, mix=((SHARES_TYPEFACE, 1),)),
        lambda x, a: jnp.zeros(len(x), jnp.int32),
    )

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        found = sets.draw(key, data, row)
        return DataSet(found.data[:1], found.mask)

    source = sets._replace(draw=draw)
    return model, Fit(model, Objective(neural_statistician_elbo), lambda _: source)


def _table(config: TypefacesConfig) -> dict[str, int]:
    return dict(zip(CONTEXTS, config.table, strict=True))


def _latent_weights(config: TypefacesConfig, step: Any) -> Weights:
    excess = (config.latent_weight - 1.0) * 0.5 ** (step / config.weight_half_life)
    return Weights(1.0, {"kl_latent": 1.0 + excess})
