"""ELBO of sets with known masks plus a cross-set contrastive loss over the batch.

The ELBO alone does not determine which latent carries a factor. The constant masks of a batch
do: posterior means of a constant context identify their set, and those of a varying one are
independent of it. Both losses are separate from the reported ELBO. Shape letters: B sets,
S samples, K contexts.
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

TINY = 1e-8
"""Added to a context's mean squared deviation before it is divided by."""


class BoundAndPosteriorMeans(NamedTuple):
    """The bound of one set, and every context's posterior mean given each item alone."""

    terms: ContextAwareTerms
    posterior_means: Array
    """[N, K, C]: means of the varying posteriors with every context varying."""
    a: Array
    """[K]: the constant mask."""
    mask: Array | None = None
    """[N], or None where all items count."""


class ContrastedTerms(NamedTuple):
    """The terms of the bound, in nats, and the contrastive losses of its sets."""

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
) -> BoundAndPosteriorMeans:
    """The bound of ONE set and its items' posterior means, from one encoder pass.

    Args:
      key, generative, inference, x, a, mask, kl: as in ``context_aware_elbo``.
    """
    h = encoded(inference, x, mask)
    given = given_features(inference, h)
    terms = context_aware_elbo(key, generative, given, x, a, mask=mask, kl=kl)
    return BoundAndPosteriorMeans(terms, item_posterior_means(inference, h, a), a, mask)


def item_posterior_means(inference: ContextAwareInference, h: Any, a: Array) -> Array:
    """The posterior mean of every context given each item alone, [N, K, C].

    Args:
      inference, h: as in ``context_aware_items``; a: [K], for its shape alone.
    """
    nothing = jnp.zeros_like(inference.constant_contexts(h, a, None).mean())
    return inference.varying_contexts(h, nothing, jnp.zeros_like(a)).mean()


def contrast_sets(
    found: BoundAndPosteriorMeans, axes: tuple[str, ...] = (), spread: float | None = None
) -> ContrastedTerms:
    """The terms [B] of one device's sets, contrasted with the sets of all devices.

    Args:
      found: with leading axes [B, S]; posterior_means and a do not depend on the sample.
      axes: over which the sets of a batch are spread ("device" in a step).
      spread: that posterior means are brought to first, see ``to_one_spread``; None: as they are.
    """
    terms = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=1), found.terms)
    a = found.a[:, 0]
    means, mask = found.posterior_means[:, 0], of_first_sample(found.mask)
    if spread is not None:
        means = to_one_spread(means, spread, axes, mask)
    contrast, dependence = contrast_contexts(means, a, axes, mask)
    return ContrastedTerms(
        **terms._asdict(), contrast=a * contrast, dependence=(1.0 - a) * dependence
    )


def contrasted_criterion(
    terms: ContrastedTerms, weights: Weights, *, contrast: float, dependence: float
) -> Array:
    """The weighted objective minus the weighted contrastive losses.

    Args:
      terms: with any leading axes; weights: of the bound.
      contrast, dependence: weights of these two, summed over the contexts.
    """
    disagreement = contrast * terms.contrast + dependence * terms.dependence
    return weighted_objective(terms, weights) - jnp.sum(disagreement, axis=-1)


def contrast_contexts(
    posterior_means: Array,
    a: Array,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
    varies: Array | None = None,
) -> tuple[Array, Array]:
    """``set_contrast`` and ``set_dependence`` of every context over the sets of all devices.

    Args:
      posterior_means: [B, N, K, C]; a: [B, K], between 0 and 1 where masks are not known.
      axes: as in ``contrast_sets``.
      mask: [B, N], 1 for items that count; None when all count.
      varies: [B, K], weights of the sets in the dependence, as ``a`` in the contrast; None: 1 - a.

    Returns:
      Two arrays [B, K]: for a context that is constant in the set, and for one that varies.
    """
    varies = 1.0 - a if varies is None else varies
    if axes:
        of_one_device = (posterior_means, a, mask, varies)
        of_devices = jax.lax.all_gather(of_one_device, axes[0], tiled=True)
        all_means, all_a, all_items, all_varies = of_devices
        first = jax.lax.axis_index(axes[0]) * len(a)
        of_all = contrast_contexts(all_means, all_a, axes[1:], all_items, all_varies)
        own = [jax.lax.dynamic_slice_in_dim(x, first, len(a)) for x in of_all]
        return own[0], own[1]
    over_contexts = functools.partial(jax.vmap, in_axes=(2, 1, None), out_axes=1)
    contrast = over_contexts(set_contrast)(posterior_means, a, mask)
    dependence = over_contexts(set_dependence)(posterior_means, varies, mask)
    return contrast, dependence


def of_first_sample(mask: Array | None) -> Array | None:
    """The mask [B, N] from one with an axis of samples, [B, S, N]."""
    return None if mask is None else mask[:, 0]


def to_one_spread(
    posterior_means: Array,
    spread: float,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
) -> Array:
    """Posterior means of every context about 0, at one mean squared length over the batch.

    Args:
      posterior_means: [B, N, K, C].
      spread: that mean squared length; posteriors near N(0, I) are told apart where it is well
        above 1.
      axes: over which the sets of a batch are spread.
      mask: [B, N], 1 for items that count; None when all count.

    Returns:
      [B, N, K, C]; the gradient flows through the mean and the length too.
    """
    counts = jnp.ones(posterior_means.shape[:2]) if mask is None else (mask > 0).astype(jnp.float32)
    counts = counts[..., None, None]

    def mean(x: Any) -> Any:
        total, number = jnp.sum(counts * x, axis=(0, 1)), jnp.sum(counts)
        for axis in axes:
            total, number = jax.lax.psum((total, number), axis)
        return total / number

    about_0 = posterior_means - mean(posterior_means)[None, None]
    length = mean(jnp.sum(about_0**2, axis=-1, keepdims=True))
    return about_0 * jnp.sqrt(spread / (length + TINY))[None, None]
