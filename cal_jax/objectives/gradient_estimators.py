"""Lower-variance gradient estimators: sticking the landing (STL) and DReG.

Both pair a model with a stop-gradient copy (``LiveAndStopped``), which
``cal_jax.models.stop_gradient.StopGradientCopy`` makes of a Flax model. They are exact
where items and samples are independent given the parameters: with batch
statistics taken over the samples they hold approximately.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import Distribution
from cal_jax.objectives.importance import (
    NestedLogWeights,
    for_every_context,
    importance_weighted,
    nested_bound,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.protocols import (
    NeuralStatisticianGenerative,
    NeuralStatisticianInference,
    VAEGenerative,
    VAEInference,
)
from cal_jax.objectives.scoring import (
    ComposedStatisticianInference,
    score_statistician_by,
    score_vae_by,
)

T = TypeVar("T")


class LiveAndStopped(NamedTuple, Generic[T]):
    """The same callables bound to live and to stop-gradient parameters."""

    live: T
    stopped: T


class DReGLogWeights(NamedTuple):
    """Two copies of an item's log weight: equal values, different gradients."""

    generative: Array
    """[]: differentiable in the generative parameters."""
    latent: Array
    """[]: differentiable in the inference parameters, through the sample z alone."""


class NestedDReGLogWeights(NamedTuple):
    """Three copies of a data set's log weights: equal values, different gradients."""

    generative: NestedLogWeights
    """Differentiable in the generative parameters."""
    context: NestedLogWeights
    """Differentiable in the inference parameters, through the sample c alone."""
    latents: NestedLogWeights
    """Differentiable in the inference parameters, through the samples z given c alone."""


def sticking_the_landing(log_weight: Callable[..., Any]) -> Callable[..., Any]:
    """Log weights whose gradient omits the score of q (Roeder et al. 2017).

    Samples come from the live inference and log q is taken under the stopped
    one. At the exact posterior the gradient in the inference parameters is zero
    for every sample. It is unbiased for one sample, not for an
    ``importance_weighted`` bound of several (Tucker et al. 2019): use
    the doubly reparameterised estimators there.

    Args:
      log_weight: ``vae_log_weight`` or ``neural_statistician_log_weights``.

    Returns:
      ``(key, generative, inference, x, **options)`` of ``LiveAndStopped`` models.
    """

    def stuck(
        key: Array,
        generative: LiveAndStopped,
        inference: LiveAndStopped,
        *data: Array,
        **options: Any,
    ) -> Any:
        return log_weight(
            key,
            generative.live,
            inference.live,
            *data,
            scored_by=inference.stopped,
            **options,
        )

    return stuck


def vae_dreg_log_weights(
    key: Array,
    generative: LiveAndStopped[VAEGenerative],
    inference: LiveAndStopped[VAEInference],
    x: Array,
) -> DReGLogWeights:
    """Log weights for ``dreg_bound`` of ONE item and one sample of z; vmap it for more.

    Args:
      key, x: as in ``importance.vae_log_weight``, whose value every part has.
      generative, inference: live and stopped.
    """
    rescored = score_vae_by(inference.live, inference.stopped)
    return DReGLogWeights(
        generative=vae_log_weight(key, generative.live, inference.stopped, x),
        latent=vae_log_weight(key, generative.stopped, rescored, x),
    )


def neural_statistician_dreg_log_weights(
    key: Array,
    generative: LiveAndStopped[NeuralStatisticianGenerative],
    inference: LiveAndStopped[NeuralStatisticianInference],
    x: Array,
    *,
    layers: int | None = None,
    latent_samples: int = 1,
    mask: Array | None = None,
) -> NestedDReGLogWeights:
    """Log weights for ``nested_dreg_bound`` of ONE data set and one sample of c; vmap for more.

    Each live network is applied once, so running averages are updated once.

    Args:
      key, x, layers, latent_samples, mask: as in
        ``importance.neural_statistician_log_weights``, whose value every part has.
      generative, inference: live and stopped.
    """
    generative_path = neural_statistician_log_weights(
        key,
        generative.live,
        inference.stopped,
        x,
        layers=layers,
        latent_samples=latent_samples,
        mask=mask,
    )
    x = blank_padding(x, mask)
    h = inference.live.encode(x), inference.stopped.encode(x)
    stopped, rescored = inference.stopped, score_statistician_by(inference.live, inference.stopped)

    def stopped_context(h: tuple[Any, Any], mask: Array | None) -> Distribution:
        return stopped.context(h[1], mask)

    def stopped_latent(
        layer: int, h: tuple[Any, Any], z_above: Array | None, c: Array
    ) -> Distribution:
        return stopped.latent(layer, h[1], z_above, c)

    def through(
        context: Callable[..., Distribution], latent: Callable[..., Distribution]
    ) -> NestedLogWeights:
        return neural_statistician_log_weights(
            key,
            generative.stopped,
            ComposedStatisticianInference(lambda _: h, context, latent),
            x,
            layers=layers,
            latent_samples=latent_samples,
            mask=mask,
        )

    return NestedDReGLogWeights(
        generative=generative_path,
        context=through(rescored.context, stopped_latent),
        latents=through(stopped_context, rescored.latent),
    )


def dreg_bound(weights: DReGLogWeights, axis: int = -1) -> Array:
    """``importance_weighted`` with the doubly reparameterised gradient (Tucker et al. 2019).

    The gradient in the inference parameters is sum_s v_s^2 dlog w_s/dz dz/dphi
    with v the normalised weights (their IWAE-DReG); in the generative ones, sum_s v_s
    dlog w_s/dtheta, that of the bound itself.

    Args:
      weights: each part [..., S].
      axis: the samples' axis.

    Returns:
      [...]: the bound, nats.
    """
    log_weights = jax.lax.stop_gradient(weights.generative)
    share = jax.nn.softmax(log_weights, axis=axis)
    surrogate = jnp.sum(share * weights.generative + share**2 * weights.latent, axis=axis)
    return _value_and_gradient_of(importance_weighted(log_weights, axis), surrogate)


def nested_dreg_bound(weights: NestedDReGLogWeights, mask: Array | None = None) -> Array:
    """``nested_bound``, with the doubly reparameterised gradient in c and in z.

    The bound depends on log w_njs through the share a_njs = v_j v_njs: the
    context's normalised weight times the latent's. Where a sample's score
    appears with a coefficient, it is replaced by the derivative of that
    coefficient along the sample (Tucker et al. 2019; for hierarchies Bauer & Mnih
    2021). The remaining coefficient is
    a - da/dlog w_njs = a - a (1 - a) = a^2 on the path of z_njs, and v_j - v_j (1 - v_j)
    = v_j^2 on the path of c_j, times the total derivative of the set's log weight in c_j.

    Args:
      weights: each part context [..., J], items [..., J, N, S].
      mask: [N] or [..., N], 1 for items that count; None when all count.

    Returns:
      [...]: the bound, nats.
    """
    log_weights = jax.lax.stop_gradient(weights.generative)
    of_context, share = _shares(log_weights, mask)
    of_context_per_latent = of_context[..., None, None]
    surrogate = (
        _weighted(weights.generative, of_context, share)
        + _weighted(weights.context, of_context**2, of_context_per_latent * share)
        + _weighted(weights.latents, jnp.zeros_like(of_context), share**2)
    )
    return _value_and_gradient_of(nested_bound(log_weights, mask), surrogate)


def _shares(weights: NestedLogWeights, mask: Array | None) -> tuple[Array, Array]:
    """v_j [..., J] and v_j v_njs [..., J, N, S], zero for padding."""
    mask = for_every_context(mask)
    of_context = jax.nn.softmax(set_log_weight(weights, mask), axis=-1)
    share = of_context[..., None, None] * jax.nn.softmax(weights.items, axis=-1)
    if mask is not None:
        share = jnp.where(jnp.broadcast_to(mask[..., None], share.shape) > 0, share, 0.0)
    return of_context, share


def _weighted(weights: NestedLogWeights, context: Array, items: Array) -> Array:
    """The sum of coefficients times log weights: [...]."""
    of_the_items = jnp.sum(items * weights.items, axis=(-2, -1))
    return jnp.sum(context * weights.context + of_the_items, axis=-1)


def _value_and_gradient_of(value: Array, surrogate: Array) -> Array:
    return jax.lax.stop_gradient(value) + (surrogate - jax.lax.stop_gradient(surrogate))
