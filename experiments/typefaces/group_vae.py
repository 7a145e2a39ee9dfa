"""Completion of a typeface by a model of sets with one context.

That is GVAE (Hosoya 2019), ML-VAE (Bouchacourt et al. 2018) or the neural statistician (Edwards &
Storkey 2017). A letter is the mean of z over training faces' glyphs of it. The style is the
context of the given glyphs, moved by gradient as the learner's is. Shape letters:
``completion``'s, and C and Z, the dimensions of c and z.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.inference.mapping import Variables, map_model
from cal_jax.models.group_vae import GroupVAE
from experiments.typefaces.completion import Draw
from experiments.typefaces.refined import Fit, Given, by_pull


def group_completion(
    model: GroupVAE, variables: Variables, train: np.ndarray
) -> Callable[[float], Draw]:
    """The model as a method of completion, for each pull towards the encoder's style.

    Args:
      model, variables: trained.
      train: training faces [G, L, H, W].
    """
    letters = jnp.asarray(letter_latents(model, variables, train))
    return by_pull(model, variables, functools.partial(_complete, letters))


def _complete(letters: Array, fit: Fit, generative: Any, inference: Any, given: Given) -> Array:
    """All letters [L, H, W] of a face from the given ones."""

    def log_likelihood(style: Array) -> Array:
        likelihood = generative.likelihood((letters[given.letters],), style)
        return jnp.sum(likelihood.log_prob(given.glyphs))

    start = inference.context(inference.encode(given.glyphs), None).mean()
    style = fit(log_likelihood, start)
    return generative.likelihood((letters,), style).mean()


def letter_latents(model: GroupVAE, variables: Variables, train: np.ndarray) -> np.ndarray:
    """The mean over training faces of every letter's z given its face's context, [L, Z]."""

    def one(generative: Any, inference: Any, glyphs: Array) -> Array:
        del generative
        h = inference.encode(glyphs)
        return inference.latent(0, h, None, inference.context(h, None).mean()).mean()

    return np.asarray(jax.jit(map_model(one, model))(variables, train).mean(axis=0))
