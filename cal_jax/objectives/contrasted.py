"""The bound of sets with known labels, with a contrast between the sets of a batch beside it.

The bound alone leaves it open which of an item's latents carries a factor. The masks of a
batch of sets settle it: posterior means of a constant context tell its set from others, and
those of a varying one do not depend on the set. Both losses are outside the bound, which is
reported as it is. Shape letters: B sets, S samples, K contexts.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.encoded import encoded, given_features
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference
from cal_jax.objectives.set_contrast import set_contrast, set_dependence
from cal_jax.objectives.weighting import Weights, weighted_objective


class BoundAndBeliefs(NamedTuple):
    """One set: its bound, and what each of its items alone says of every context."""

    terms: ContextAwareTerms
    posterior_means: Array
    """[N, K, C]: means of the varying posteriors, as if every context varied."""
    a: Array
    """[K]: the label."""
    mask: Array | None = None
    """[N], or None where all items count."""


class ContrastedTerms(NamedTuple):
    """The terms of the bound, in nats, and what its sets say of each other."""

    elbo: Array
    reconstruction: Array
    kl_latent: Array
    kl_varying: Array
    """[K]"""
    kl_constant: Array
    """[K]"""
    contrast: Array
    """[K]: see ``set_contrast``; 0 where the context varies."""
    dependence: Array
    """[K]: see ``set_dependence``; 0 where the context is constant."""


def bound_and_posterior_means(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    a: Array,
    *,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> BoundAndBeliefs:
    """The bound of ONE set, and its items' posterior means; the encoder runs once.

    Args:
      key, generative, inference, x, a, mask, kl: as in ``context_aware_elbo``.
    """
    h = encoded(inference, x, mask)
    given = given_features(inference, h)
    terms = context_aware_elbo(key, generative, given, x, a, mask=mask, kl=kl)
    return BoundAndBeliefs(terms, beliefs_of(inference, h, a), a, mask)


def beliefs_of(inference: ContextAwareInference, h: Any, a: Array) -> Array:
    """What each item alone says of every context, [N, K, C].

    Args:
      inference, h: as in ``context_aware_items``; a: [K], for its shape alone.
    """
    nothing = jnp.zeros_like(inference.constant_contexts(h, a, None).mean())
    return inference.varying_contexts(h, nothing, jnp.zeros_like(a)).mean()


def contrast_sets(found: BoundAndBeliefs, axes: tuple[str, ...] = ()) -> ContrastedTerms:
    """The terms [B] of the sets of one device, contrasted with those of all devices.

    Args:
      found: with leading axes [B, S]; posterior_means and labels do not depend on the sample.
      axes: over which the sets of a batch are spread ("device" in a step).
    """
    terms = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=1), found.terms)
    a = found.a[:, 0]
    means, mask = found.posterior_means[:, 0], of_first_sample(found.mask)
    contrast, dependence = contrast_contexts(means, a, axes, mask)
    return ContrastedTerms(
        **terms._asdict(), contrast=a * contrast, dependence=(1.0 - a) * dependence
    )


def contrasted_criterion(
    terms: ContrastedTerms, weights: Weights, *, contrast: float, dependence: float
) -> Array:
    """The weighted objective less what the sets of a batch disagree on.

    Args:
      terms: with any leading axes; weights: of the bound.
      contrast, dependence: weights of these two, summed over the contexts.
    """
    disagreement = contrast * terms.contrast + dependence * terms.dependence
    return weighted_objective(terms, weights) - jnp.sum(disagreement, axis=-1)


def contrast_contexts(
    posterior_means: Array,
    labels: Array,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
) -> tuple[Array, Array]:
    """``set_contrast`` and ``set_dependence`` of every context, among the sets of all devices.

    Args:
      posterior_means: [B, N, K, C]; labels: [B, K], between 0 and 1 where they are not known.
      axes: as in ``contrast_sets``.
      mask: [B, N], 1 for items that count; None when all count.

    Returns:
      Two of [B, K]: as if the context were constant in the set, and as if it varied.
    """
    if axes:
        gathered = jax.lax.all_gather((posterior_means, labels, mask), axes[0], tiled=True)
        first = jax.lax.axis_index(axes[0]) * len(labels)
        of_all = contrast_contexts(*gathered[:2], axes[1:], gathered[2])
        own = [jax.lax.dynamic_slice_in_dim(x, first, len(labels)) for x in of_all]
        return own[0], own[1]
    over_contexts = functools.partial(jax.vmap, in_axes=(2, 1, None), out_axes=1)
    contrast = over_contexts(set_contrast)(posterior_means, labels, mask)
    dependence = over_contexts(set_dependence)(posterior_means, 1.0 - labels, mask)
    return contrast, dependence


def of_first_sample(mask: Array | None) -> Array | None:
    """The mask [B, N] of one that has an axis of samples, [B, S, N]."""
    return None if mask is None else mask[:, 0]
