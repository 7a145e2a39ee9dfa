"""Differentiable samples of a label: choices y [M] among the labels of a support.

A choice is one-hot where it is hard, and a point of the simplex where it is relaxed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import gammaln

Temperature = Array | float


class RelaxedChoice(NamedTuple):
    """A sample of a Concrete distribution."""

    choice: Array
    """[M], positive, summing to 1."""
    log_choice: Array
    """[M]: its logarithm, a sample of the ExpConcrete distribution."""


def concrete(key: Array, logits: Array, temperature: Temperature) -> RelaxedChoice:
    """A relaxed choice, thesis (6.12): Concrete, or Gumbel-Softmax.

    Maddison et al. 2016, Jang et al. 2016. It tends to a one-hot sample of the
    categorical as the temperature falls to 0.

    Args:
      key: a PRNG key.
      logits: [M], log pi up to a constant.
      temperature: [], positive.
    """
    noisy = logits + jax.random.gumbel(key, logits.shape, logits.dtype)
    log_choice = jax.nn.log_softmax(noisy / temperature)
    return RelaxedChoice(jnp.exp(log_choice), log_choice)


def exp_concrete_log_prob(log_choice: Array, logits: Array, temperature: Temperature) -> Array:
    """The ExpConcrete log density of log y, in nats (Maddison et al. 2016, appendix C.3).

    y is Concrete with thesis (6.11)'s density, which is this one over
    prod_m y_m. In the log ratio of two densities of one sample the product
    cancels; it is never formed, so coordinates of y may underflow (thesis 6.3.2).

    Args:
      log_choice: [M], log y.
      logits: [M], log pi up to a constant.
      temperature: [], positive.

    Returns:
      [].
    """
    count = logits.shape[0]
    tilted = jax.nn.log_softmax(logits) - temperature * log_choice
    normaliser = count * jax.nn.logsumexp(tilted)
    constant = gammaln(float(count)) + (count - 1) * jnp.log(temperature)
    return constant + jnp.sum(tilted) - normaliser


def straight_through_gumbel(key: Array, logits: Array, temperature: Temperature) -> Array:
    """A one-hot sample with the gradient of its relaxation (Jang et al. 2016; thesis 6.4.3).

    A lower temperature reduces the gradient's bias and raises its variance.

    Args:
      key, logits, temperature: as in ``concrete``.

    Returns:
      [M], exactly one-hot.
    """
    relaxed = concrete(key, logits, temperature).choice
    return _value_with_gradient_of(most_probable(relaxed), relaxed)


def gumbel_rao(
    key: Array, logits: Array, temperature: Temperature, *, inner_samples: int = 100
) -> Array:
    """A one-hot sample with the straight-through gradient averaged given the sample.

    Paulus et al. 2020 (equation 11): the noise is resampled ``inner_samples``
    times from its distribution given the one-hot sample, and the relaxed
    gradients are averaged. It has the mean of ``straight_through_gumbel`` and
    a lower variance; the function of the sample is evaluated once.

    Args:
      key, logits, temperature: as in ``concrete``.
      inner_samples: conditional draws of the noise.

    Returns:
      [M], exactly one-hot.
    """
    key_choice, key_noise = jax.random.split(key)
    choice = sampled(key_choice, logits)
    noise = gumbel_given_choice(key_noise, logits, choice, inner_samples)
    relaxed = jnp.mean(jax.nn.softmax((logits[None] + noise) / temperature, axis=-1), axis=0)
    return _value_with_gradient_of(choice, relaxed)


def gumbel_given_choice(key: Array, logits: Array, choice: Array, count: int) -> Array:
    """Gumbel noise given the argmax of logits + noise (Paulus et al. 2020, section 3.1).

    The largest is Gumbel about the log partition function, independently of its index;
    the others are Gumbel about their logits, truncated at it. The draws are
    constants: no gradient flows through them.

    Args:
      key: a PRNG key.
      logits: [M]; choice: [M], one-hot.
      count: draws.

    Returns:
      [count, M], whose argmax of logits + noise is ``choice``.
    """
    logits, choice = jax.lax.stop_gradient((jax.nn.log_softmax(logits), choice))
    # Not the logarithm of jax.random.exponential, which is 0 once in 2^23 draws.
    log_waits = -jax.random.gumbel(key, (count, *logits.shape), logits.dtype)
    log_first = jnp.sum(choice[None] * log_waits, axis=-1, keepdims=True)
    others = -jnp.logaddexp(log_waits - logits[None], jnp.broadcast_to(log_first, log_waits.shape))
    return jnp.where(choice[None] > 0, -log_first, others) - logits[None]


def most_probable(logits: Array) -> Array:
    """The label of the largest logit, one-hot [M]; no gradient."""
    return _one_hot(jnp.argmax(logits), logits)


def sampled(key: Array, logits: Array) -> Array:
    """A sample of the categorical, one-hot [M]; no gradient."""
    return _one_hot(jax.random.categorical(key, logits), logits)


def _one_hot(index: Array, like: Array) -> Array:
    return jax.nn.one_hot(index, like.shape[0], dtype=like.dtype)


def _value_with_gradient_of(value: Array, surrogate: Array) -> Array:
    """``value`` exactly: x - x is 0."""
    return value + (surrogate - jax.lax.stop_gradient(surrogate))
