"""ELBO of crossed sets: each context is shared by groups of items that cross the other's groups.

In a table of letters by typefaces the items of a column share a letter, those of a row a
typeface. A set of the context-aware learner is the special case in which one context has one
group and the others have a group for each item. Here every item's contexts are those that other
items share, as when a set is synthesised from two sources (thesis 6.4.2).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod, sample
from cal_jax.distributions import kl as divergence
from cal_jax.errors import InputError
from cal_jax.objectives.checks import check_items, check_shape
from cal_jax.objectives.context_aware import context_aware_items_given_contexts
from cal_jax.objectives.items import blank_padding, sum_items
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


class CrossedTerms(NamedTuple):
    """A lower bound on log p(D | groups) of one crossed set, and its parts, in nats.

    ``elbo = reconstruction - kl_latent - sum(kl_constant)``.
    """

    elbo: Array
    """[]: the bound, to be maximised."""
    reconstruction: Array
    """[]: log p(x_n | z_n, c^n) summed over the items."""
    kl_latent: Array
    """[]: the KL of z summed over the items."""
    kl_constant: Array
    """[K]: the KL of each context, once for each of its groups that has items."""


def crossed_elbo(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    groups: Array,
    given: Array,
    *,
    num_groups: int,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> CrossedTerms:
    """The ELBO on log p(D | groups) of ONE crossed set from one Monte Carlo sample.

    The generative model draws c_{k,g} from the prior of a constant context for each group g of
    each context k, then z_n and x_n from thesis (6.1)-(6.4) with item n's contexts
    c_{k,groups[n,k]}. The posterior of c_{k,g} is that of a constant context given the items
    of its group. It may use only some of them (``given``): any posterior gives a bound, and one
    of few items, scored on all, is trained to predict the rest (Garnelo et al. 2018).

    Args:
      key: a PRNG key.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [N, *X], the items.
      groups: int [N, K], 0 to ``num_groups`` - 1: the group of each item in each context.
      given: [N, K], 1 where the item counts in the posterior of its group's context k.
      num_groups: G, the most groups of any context; a group without items is none.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
      kl: as in ``context_aware_elbo``.

    Returns:
      CrossedTerms, nats summed over the items that count.

    Raises:
      InputError: for a set without items, shapes that disagree, or values outside the
        likelihood's support.
    """
    check_items(x, mask)
    _check_groups(x, groups, given, num_groups)
    key_contexts, key_items = jax.random.split(key)
    x = blank_padding(x, mask)
    h = inference.encode(x)
    counts = jnp.ones(len(x)) if mask is None else mask
    contexts, nats = _grouped_contexts(
        key_contexts, generative, inference, h, groups, given, counts, num_groups, kl
    )
    items = context_aware_items_given_contexts(
        key_items, generative, inference, x, h, contexts, kl=kl
    )
    reconstruction = sum_items(items.reconstruction, mask)
    kl_latent = sum_items(items.kl_latent, mask)
    elbo = reconstruction - kl_latent - jnp.sum(nats)
    return CrossedTerms(elbo, reconstruction, kl_latent, nats)


def _grouped_contexts(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    h: Any,
    groups: Array,
    given: Array,
    counts: Array,
    num_groups: int,
    kl: KLMethod,
) -> tuple[Array, Array]:
    """Every item's contexts [N, K, C], and the KLs [K] of the groups with items that count."""
    num_contexts = groups.shape[1]
    constant = jnp.ones(num_contexts)
    prior = generative.constant_prior(constant)
    keys = jax.random.split(key, num_contexts * num_groups)
    drawn, nats = [], []
    for k in range(num_contexts):
        for g in range(num_groups):
            member = counts * (groups[:, k] == g)
            posterior = inference.constant_contexts(h, constant, member * given[:, k])
            one = sample(posterior, keys[k * num_groups + g])
            every = divergence(posterior, prior, one, method=kl).nats
            check_shape(every, (num_contexts,), "KL of the contexts")
            drawn.append(one[k])
            nats.append(jnp.where(jnp.any(member > 0), every[k], 0.0))
    by_group = jnp.stack(drawn).reshape(num_contexts, num_groups, -1)
    contexts = jnp.stack([by_group[k][groups[:, k]] for k in range(num_contexts)], axis=1)
    return contexts, jnp.stack(nats).reshape(num_contexts, num_groups).sum(axis=1)


def _check_groups(x: Array, groups: Array, given: Array, num_groups: int) -> None:
    if groups.ndim != 2 or len(groups) != len(x) or not jnp.issubdtype(groups.dtype, jnp.integer):
        raise InputError(
            f"groups: {groups.dtype} {groups.shape}; accepted: integers [{len(x)}, K], a row an "
            "item"
        )
    if given.shape != groups.shape:
        raise InputError(f"given: shape {given.shape}; accepted: {groups.shape}, as of groups")
    if num_groups < 1:
        raise InputError(f"num_groups {num_groups}; accepted: 1 or more")
