"""Methods of completion whose style starts at an encoder and is fitted to the given letters."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from cal_jax.inference.mapping import Model, Variables, map_model
from cal_jax.inference.refine import refine
from cal_jax.inference.sampler import in_batches
from experiments.typefaces.completion import Draw

PULLS = (1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""Towards the encoder's style, in nats; chosen on validation faces. At inf it is taken as it is."""

GLYPHS = 64
"""Given letters of the faces that are completed at once."""


class Given(NamedTuple):
    """The given letters of one face."""

    glyphs: Array
    """[n, H, W]"""
    letters: Array
    """int [n]: which they are."""


Fit = Callable[[Callable[[Array], Array], Array], Array]
"""(log-likelihood of a style, its start [C]) -> the fitted style [C]."""

Complete = Callable[[Fit, Any, Any, Given], Array]
"""(fit, generative, inference, ``Given``) -> all letters [L, H, W] of the face; the
style is what ``fit`` makes of the encoder's."""


def by_pull(model: Model, variables: Variables, complete: Complete) -> Callable[[float], Draw]:
    """A trained model as a method of completion, for each pull towards the encoder's style.

    Faces are taken together until they have ``GLYPHS`` given letters.

    Args:
      model, variables: trained.
      complete: a face by the model.

    Returns:
      The pull -> the method.
    """

    def one(fitted: bool, generative: Any, inference: Any, pull: Array, *known: Array) -> Array:
        def fit(log_likelihood: Callable[[Array], Array], start: Array) -> Array:
            return refine(log_likelihood, start, pull) if fitted else start

        return complete(fit, generative, inference, Given(*known))

    programs = {
        fitted: jax.jit(map_model(functools.partial(one, fitted), model))
        for fitted in (True, False)
    }

    def draw(pull: float, glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        pulls = np.full(len(given), pull, np.float32)
        program = functools.partial(programs[math.isfinite(pull)], variables)
        return in_batches(program, pulls, glyphs, given, size=max(1, GLYPHS // given.shape[1]))

    return lambda pull: functools.partial(draw, pull)
