"""A letter that training never saw, drawn by a trained context-aware learner.

The letter is the constant context of its glyphs in the example faces; a face's style is that of its
usual letters. Both start at the encoder's, and are moved by gradient to where they draw what is
given better. Shape letters: ``new_letters``', and C, the dimensions of a context.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.inference.mapping import map_model
from cal_jax.inference.refine import refine
from cal_jax.inference.sample import infer_constants
from cal_jax.inference.sampler import in_batches
from cal_jax.inference.trained import TrainedLearner
from experiments.typefaces.config import CONTEXTS
from experiments.typefaces.learner import LETTER, TYPEFACE, letter_contexts
from experiments.typefaces.new_letters import Method

STYLE_PULL = 1.0
"""Towards the encoder's style, in nats: a face's usual letters are many."""

FACES = 4
"""Whose style is fitted at once."""


def new_letter_method(trained: TrainedLearner, train: np.ndarray, *, fitted: bool) -> Method:
    """The learner as a method of drawing new letters.

    Its strength is the pull of the letter towards the encoder's; at inf it is the encoder's.

    Args:
      trained: with the contexts letter and typeface.
      train: usual letters of training faces [G, U, H, W], which give these letters' contexts.
      fitted: whether styles are fitted; otherwise they are the encoder's.
    """
    usual = letter_contexts(trained, train, 0)
    pull = STYLE_PULL if fitted else math.inf
    style_of, letter_of = (_context_of(trained, name) for name in (TYPEFACE, LETTER))

    def describe(faces: np.ndarray) -> np.ndarray:
        """Styles [F, C]."""
        return style_of(pull, faces, np.broadcast_to(usual, (len(faces), *usual.shape)))

    def draw(
        strength: float, glyphs: np.ndarray, examples: np.ndarray, asked: np.ndarray
    ) -> np.ndarray:
        (letter,) = letter_of(strength, glyphs[None], examples[None])
        return trained.decode({LETTER: letter, TYPEFACE: asked})

    return Method(describe, draw)


def _context_of(
    trained: TrainedLearner, name: str
) -> Callable[[float, np.ndarray, np.ndarray], np.ndarray]:
    """(pull, sets [M, N, H, W] that share the context, each item's other one [M, N, C]) -> the
    context that they share, [M, C]."""
    shared = CONTEXTS.index(name)
    mask = jnp.eye(len(CONTEXTS))[shared]

    def one(fitted: bool, generative: Any, inference: Any, pull: Array, *of: Array) -> Array:
        glyphs, others = of
        start = infer_constants(inference, glyphs, mask)[shared]

        def log_likelihood(context: Array) -> Array:
            pair = [jnp.broadcast_to(context, others.shape), others]
            known = jnp.stack(pair if shared == 0 else pair[::-1], axis=1)
            z = generative.latent_prior(known).mean()
            return jnp.sum(generative.likelihood(z, known).log_prob(glyphs))

        return refine(log_likelihood, start, pull) if fitted else start

    programs = {
        fitted: jax.jit(map_model(functools.partial(one, fitted), trained.model))
        for fitted in (True, False)
    }

    def find(pull: float, sets: np.ndarray, others: np.ndarray) -> np.ndarray:
        pulls = np.full(len(sets), pull, np.float32)
        program = functools.partial(programs[math.isfinite(pull)], trained.variables)
        return in_batches(program, pulls, sets, others, size=min(FACES, len(sets)))

    return find
