"""Log weights of the context-aware learner's importance-weighted bound (thesis 6.1)."""

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import kl as divergence
from cal_jax.distributions import sample
from cal_jax.errors import InputError
from cal_jax.objectives.checks import check_constant_mask, check_contexts, check_items
from cal_jax.objectives.context_aware import context_aware_items
from cal_jax.objectives.importance import NestedLogWeights
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


def context_aware_log_weights(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    a: Array,
    *,
    latent_samples: int = 1,
    mask: Array | None = None,
) -> NestedLogWeights:
    """The log weights of ONE data set and one sample of its constant contexts; vmap it for more.

    ``nested_bound`` reduces them to a bound on log p(D | a): log 1/J sum_j
    [p(c_j | a) / q(c_j | a, D)] prod_n 1/S sum_s w_njs. Given the constant contexts
    c_j the items are independent, each with varying contexts and z of its own: the S
    samples of these are S copies of the item side by side. For the same key, one
    latent sample gives the terms of ``context_aware_elbo(..., kl="monte_carlo")``.

    For evaluation with running averages: a normalisation that reads the item mask
    of its pass (``nn.apply_context.ApplyContext``) cannot follow the copies.

    Args:
      key: a PRNG key. The noise of item n does not depend on how many items
        follow it as long as JAX's default (partitionable threefry) keys are used.
      generative, inference: see ``cal_jax.objectives.protocols``; for more than
        one latent sample, every array of ``encode(x)`` has the items' axis first.
      x: [N, *X], the items.
      a: [K] in {0, 1}; context k is constant where a_k = 1.
      latent_samples: S.
      mask: [N], 1 for items that count and 0 for padding; None when all count.

    Returns:
      NestedLogWeights: context [], log p(c | a) - log q(c | a, D) of the constant
      contexts; items [N, S], log p(x_n, c_ns, z_ns | c, a) - log q(c_ns, z_ns | x_n, c, a).

    Raises:
      InputError: for a set without items, shapes that disagree, or no latent samples.
    """
    check_items(x, mask)
    check_constant_mask(a)
    if latent_samples < 1:
        raise InputError(f"latent_samples must be 1 or more: got {latent_samples}")
    key_constant, key_items = jax.random.split(key)
    x = blank_padding(x, mask)
    h = inference.encode(x)

    posterior = inference.constant_contexts(h, a, mask)
    constants = sample(posterior, key_constant)
    check_contexts(constants, a)
    prior = generative.constant_prior(a)
    kl_constant = a * divergence(posterior, prior, constants, method="monte_carlo").nats
    constants = a[:, None] * constants

    if latent_samples > 1:
        x, h = jax.tree.map(lambda rows: jnp.repeat(rows, latent_samples, axis=0), (x, h))
    items = context_aware_items(
        key_items, generative, inference, x, h, constants, a, kl="monte_carlo"
    )
    return NestedLogWeights(-jnp.sum(kl_constant), items.elbo.reshape(-1, latent_samples))
