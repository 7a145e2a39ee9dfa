"""Schedules of loss weights and temperature for label learning (thesis 6.4.3)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError
from cal_jax.objectives.weighting import Weights


class LabelSchedule(NamedTuple):
    """Loss weights and temperature at one step."""

    weights: Callable[[int, float], Weights]
    """Steps of an epoch, steps taken -> the weights of the terms."""
    temperature: Callable[[float], Any] | None
    """Steps taken -> the temperature of a sampled label; None where none is sampled."""


def label_weights(epoch: Array | int, *, alpha: float = 100.0, rate: float = 0.95) -> Weights:
    """The thesis's criterion R - omega (L + C_v + C_c) - A / omega (6.14), omega = 1 + alpha.

    It penalises the information in every latent but the label, and is not a bound
    while omega > 1 (6.4.3: "a heuristic").

    Args:
      epoch: [] epochs finished; alpha decays geometrically. The thesis specifies
        "much more slowly" than halving, without a rate.
      alpha: its value in the first epoch.
      rate: the factor of alpha after each epoch.
    """
    omega = 1.0 + alpha * rate ** jnp.asarray(epoch, jnp.float32)
    heavy = dict.fromkeys(("kl_latent", "kl_varying", "kl_constant"), omega)
    return Weights(1.0, {**heavy, "kl_label": 1.0 / omega})


def annealed_weights(
    step: Array | int,
    *,
    latent: float = 100.0,
    contexts: float = 30.0,
    half_life: float = 1000.0,
) -> Weights:
    """KL weights that decay to 1 from large values, the largest for z.

    A constant context costs its KL once per set, a varying one once per item. Under large
    weights a model encodes only the most useful factor, whose constancy identifies the
    label; smaller weights admit further factors. A larger weight on z's KL favours
    encoding varying factors in the contexts.

    Args:
      step: [] steps taken.
      latent: the weight of z's KL in the first step.
      contexts: that of the contexts' KLs.
      half_life: steps after which the excess over 1 has halved.
    """
    left = 0.5 ** (jnp.asarray(step, jnp.float32) / half_life)
    of_contexts = 1.0 + (contexts - 1.0) * left
    return Weights(
        1.0,
        {
            "kl_latent": 1.0 + (latent - 1.0) * left,
            "kl_varying": of_contexts,
            "kl_constant": of_contexts,
        },
    )


def label_temperature(step: Array | int, steps: int, *, lowest: float = 0.5) -> Array:
    """The temperature of a relaxed label, from 1 to ``lowest`` at the last step (thesis 6.4.3).

    max(lowest, exp(-r t)), the schedule of Jang et al. 2016, with the rate r
    that reaches ``lowest`` when training ends.

    Args:
      step: [] steps taken.
      steps: of the whole training.
      lowest: in (0, 1].

    Returns:
      [].

    Raises:
      InputError: for no steps, or another ``lowest``.
    """
    if steps < 1:
        raise InputError(f"steps must be at least 1: got {steps}")
    if not 0.0 < lowest <= 1.0:
        raise InputError(f"lowest must be above 0 and at most 1: got {lowest}")
    done = jnp.asarray(step, jnp.float32) / steps
    return jnp.maximum(lowest, lowest**done)
