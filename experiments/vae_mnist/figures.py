"""The figures of an autoencoder with a latent space of two dimensions (thesis 4.3)."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.inference.mapping import Variables, map_model
from cal_jax.plots.scatter import draw_latent_grid, draw_latent_scatter
from experiments.common.figures import Figure

SPAN = 2.5
"""The thesis's b: the grid covers [-b, b] along both axes."""

POINTS = 15
"""Equally spaced points along each axis."""


def draw_latent_space(
    folder: Path,
    name: str,
    model: nn.Module,
    variables: Variables,
    means: np.ndarray,
    labels: np.ndarray,
) -> list[Figure]:
    """Both halves of figure 4.3.

    Args:
      folder: where the PNGs go.
      name: of the model among those of a run, as its binarisation.
      model, variables: trained; its latent space has two dimensions.
      means: [M, 2], of the posteriors of test images.
      labels: [M], their classes.
    """
    return [
        (
            draw_latent_scatter(
                folder / f"latents_{name}.png", means, labels, title=f"Test images, {name}"
            ),
            f"Posterior means of the test images by class, {name} binarisation (figure 4.3).",
        ),
        (
            draw_latent_grid(
                folder / f"grid_{name}.png",
                _decoded_grid(model, variables),
                span=SPAN,
                title=f"Decoder means, {name}",
            ),
            f"Decoder means over the latent space, {name} binarisation (figure 4.3).",
        ),
    ]


def _decoded_grid(model: nn.Module, variables: Variables) -> np.ndarray:
    """Decoder means [POINTS, POINTS, H, W]; rows by ascending z_2, columns by z_1."""
    axis = jnp.linspace(-SPAN, SPAN, POINTS)
    z = jnp.stack(jnp.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    def mean_of(generative: Any, _: Any, z: jax.Array) -> jax.Array:
        return generative.likelihood(z).mean()

    images = np.asarray(jax.jit(map_model(mean_of, model))(variables, z))
    return images.reshape(POINTS, POINTS, *images.shape[1:])
