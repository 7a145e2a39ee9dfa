"""Methods of completion whose style starts at an encoder and is fitted to the given letters."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.inference.mapping import Model, Variables, map_model
from cal_jax.inference.refine import refine
from cal_jax.inference.sampler import in_batches
from experiments.typefaces.completion import Draw
from experiments.typefaces.config import GIVEN

PULLS = (1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""Towards the encoder's style, in nats; chosen on validation faces. At inf it is taken as it is."""

FACES = 8
"""Completed at once."""


class Given(NamedTuple):
    """The given letters of one face."""

    glyphs: Array
    """[n, H, W]"""
    letters: Array
    """int [n]: which they are."""
    mask: Array
    """[n]: 1 for letters that count, 0 for padding."""


Fit = Callable[[Callable[[Array], Array], Array], Array]
"""(log-likelihood of a style, its start [C]) -> the fitted style [C]."""

Complete = Callable[[Fit, Any, Any, Given], Array]
"""(fit, generative, inference, ``Given``) -> all letters [L, H, W] of the face; the
style is what ``fit`` makes of the encoder's."""


def by_pull(model: Model, variables: Variables, complete: Complete) -> Callable[[float], Draw]:
    """A trained model as a method of completion, for each pull towards the encoder's style.

    Faces are taken ``FACES`` at a time and given letters padded to the most of ``GIVEN``, so that
    one program is compiled.

    Args:
      model, variables: trained.
      complete: a face by the model.

    Returns:
      The pull -> the method.
    """

    def one(generative: Any, inference: Any, pull: Array, *known: Array) -> Array:
        def fit(log_likelihood: Callable[[Array], Array], start: Array) -> Array:
            found = refine(log_likelihood, start, jnp.where(jnp.isinf(pull), 0.0, pull))
            return jnp.where(jnp.isinf(pull), start, found)

        return complete(fit, generative, inference, Given(*known))

    drawn = jax.jit(map_model(one, model))

    def draw(pull: float, glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        faces, count = given.shape
        padding = (0, max(GIVEN) - count)
        mask = np.pad(np.ones(given.shape, np.float32), ((0, 0), padding))
        glyphs = np.pad(glyphs, ((0, 0), padding, (0, 0), (0, 0)))
        given = np.pad(given, ((0, 0), padding))
        pulls = np.full(faces, pull, np.float32)
        program = functools.partial(drawn, variables)
        return in_batches(program, pulls, glyphs, given, mask, size=FACES)

    return lambda pull: functools.partial(draw, pull)
