"""Completion of a typeface by a trained context-aware learner.

A letter is the constant context of sets of the training faces' glyphs of it, averaged. The style
is the constant context of the given glyphs, moved by gradient to where it draws them better.
Together they are decoded at z's prior mean.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.inference.sample import decode_contexts, infer_constants
from cal_jax.inference.trained import TrainedLearner
from experiments.typefaces.completion import Draw
from experiments.typefaces.config import CONTEXTS
from experiments.typefaces.refined import Fit, Given, by_pull

LETTER_SETS = 30
"""Sets of training glyphs that a letter's context is averaged over."""

LETTER, TYPEFACE = CONTEXTS


def learned(trained: TrainedLearner, train: np.ndarray, seed: int = 0) -> Callable[[float], Draw]:
    """The learner as a method of completion, for each pull towards the encoder's style.

    Args:
      trained: with the contexts letter and typeface.
      train: training faces [G, L, H, W].
      seed: of the choice of training glyphs.
    """
    letters = jnp.asarray(letter_contexts(trained, train, seed))
    complete = functools.partial(_complete, letters)
    return by_pull(trained.model, trained.variables, complete)


def _complete(letters: Array, fit: Fit, generative: Any, inference: Any, given: Given) -> Array:
    """All letters [L, H, W] of a face from the given ones."""

    def contexts(style: Array, of: Array) -> Array:
        return jnp.stack([of, jnp.broadcast_to(style, of.shape)], axis=1)

    def log_likelihood(style: Array) -> Array:
        known = contexts(style, letters[given.letters])
        z = generative.latent_prior(known).mean()
        return jnp.sum(generative.likelihood(z, known).log_prob(given.glyphs))

    shared = jnp.asarray([name == TYPEFACE for name in CONTEXTS], jnp.float32)
    found = infer_constants(inference, given.glyphs, shared)
    start = found[CONTEXTS.index(TYPEFACE)]
    return decode_contexts(generative, contexts(fit(log_likelihood, start), letters))


def letter_contexts(trained: TrainedLearner, train: np.ndarray, seed: int) -> np.ndarray:
    """The context of every letter, [L, C]: the mean over sets of ``set_size`` training faces."""
    rng, size = np.random.default_rng(seed), min(trained.set_size, len(train))
    faces = np.stack([rng.permutation(len(train))[:size] for _ in range(LETTER_SETS)])
    return np.stack(
        [
            trained.contexts(train[faces, letter], constant=(LETTER,))[LETTER].mean(axis=0)
            for letter in range(train.shape[1])
        ]
    )
