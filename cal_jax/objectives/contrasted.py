"""The bound of sets with known labels, with a contrast between the sets of a batch beside it.

The bound alone leaves it open which of an item's latents carries a factor. What the
label says of a batch of sets settles it: posterior_means about a constant context tell its set
from others, and those about a varying one do not depend on the set. Both are outside
the bound, which is reported as it is. Shape letters: B sets, S samples, K contexts.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.encoded import given_features
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
    kl: KLMethod = "analytic",
) -> BoundAndBeliefs:
    """The bound of ONE set, and its items' posterior means; the encoder runs once.

    Args:
      key, generative, inference, x, a, kl: as in ``context_aware_elbo``.
    """
    h = inference.encode(x)
    terms = context_aware_elbo(key, generative, given_features(inference, h), x, a, kl=kl)
    return BoundAndBeliefs(terms, beliefs_of(inference, h, a), a)


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
    contrast, dependence = contrast_contexts(found.posterior_means[:, 0], a, axes)
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
    posterior_means: Array, labels: Array, axes: tuple[str, ...] = ()
) -> tuple[Array, Array]:
    """``set_contrast`` and ``set_dependence`` of every context, among the sets of all devices.

    Args:
      posterior_means: [B, N, K, C]; labels: [B, K], between 0 and 1 where they are not known.
      axes: as in ``contrast_sets``.

    Returns:
      Two of [B, K]: as if the context were constant in the set, and as if it varied.
    """
    if axes:
        all_beliefs, all_labels = jax.lax.all_gather((posterior_means, labels), axes[0], tiled=True)
        first = jax.lax.axis_index(axes[0]) * len(labels)
        contrast, dependence = contrast_contexts(all_beliefs, all_labels, axes[1:])
        own = [jax.lax.dynamic_slice_in_dim(x, first, len(labels)) for x in (contrast, dependence)]
        return own[0], own[1]
    contrast = jax.vmap(set_contrast, in_axes=(2, 1), out_axes=1)(posterior_means, labels)
    dependence = jax.vmap(set_dependence, in_axes=(2, 1), out_axes=1)(posterior_means, 1.0 - labels)
    return contrast, dependence
