"""Contexts fitted to given items by gradient, from where an encoder starts them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

STEPS = 100
LEARNING_RATE = 0.3
"""Of Adam at first; it falls to 0 along a cosine."""


def refine(
    log_likelihood: Callable[[Array], Array],
    start: Array,
    pull: float | Array,
    *,
    steps: int = STEPS,
    learning_rate: float = LEARNING_RATE,
) -> Array:
    """Climb ``log_likelihood(c) - pull / 2 |c - start|^2`` from ``start``, by Adam.

    An encoder's estimate costs one pass and is the same function for all sets; some steps on
    the set at hand close part of the gap to the best context (semi-amortised inference, Kim et
    al. 2018). The pull keeps what few items leave open where the encoder put it.

    Args:
      log_likelihood: c [C] -> [], in nats; differentiable.
      start: [C], such as a posterior's mean.
      pull: in nats for a unit of c, squared; the larger, the nearer to ``start``.
      steps: of Adam; 0 gives ``start``.
      learning_rate: at first, in units of c.

    Returns:
      [C].
    """

    def loss(c: Array) -> Array:
        return 0.5 * pull * jnp.sum(jnp.square(c - start)) - log_likelihood(c)

    adam = optax.adam(optax.cosine_decay_schedule(learning_rate, max(steps, 1)))

    Carry = tuple[Array, optax.OptState]

    def step(carry: Carry, _: None) -> tuple[Carry, None]:
        c, state = carry
        update, state = adam.update(jax.grad(loss)(c), state)
        return (c + update, state), None

    (found, _), _ = jax.lax.scan(step, (start, adam.init(start)), None, length=steps)
    return found
