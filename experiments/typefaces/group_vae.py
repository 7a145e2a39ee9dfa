"""Completion of a typeface by a group VAE: GVAE (Hosoya 2019) or ML-VAE (Bouchacourt et al. 2018).

The style is the context of the given glyphs. A letter is the mean of z over training faces'
glyphs of it. Shape letters: ``completion``'s, and C and Z, the dimensions of c and z.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.inference.mapping import Variables, map_model
from cal_jax.models.group_vae import GroupVAE
from experiments.typefaces.completion import Draw


def group_completion(model: GroupVAE, variables: Variables, train: np.ndarray) -> Draw:
    """The model as a method of completion.

    Args:
      model: whose z does not see the context.
      variables: trained.
      train: training faces [G, L, H, W].
    """
    letters = letter_latents(model, variables, train)

    def one(generative: Any, inference: Any, glyphs: Array, latents: Array) -> Array:
        c = inference.context(inference.encode(glyphs), None).mean()
        return generative.likelihood((latents,), c).mean()

    decoded = jax.jit(map_model(one, model))

    def draw(glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        of_faces = np.broadcast_to(letters, (len(glyphs), *letters.shape))
        return np.asarray(decoded(variables, glyphs, of_faces))

    return draw


def letter_latents(model: GroupVAE, variables: Variables, train: np.ndarray) -> np.ndarray:
    """The mean over training faces of every letter's z, [L, Z]."""

    def one(generative: Any, inference: Any, glyphs: Array) -> Array:
        del generative
        nothing = jnp.zeros(model.config.context_dim)
        return inference.latent(0, inference.encode(glyphs), None, nothing).mean().mean(axis=0)

    return np.asarray(jax.jit(map_model(one, model))(variables, train.swapaxes(0, 1)))
