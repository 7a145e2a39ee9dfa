"""The oracle of digits' factors, trained on fresh binarisations of training images."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from cal_jax.data.factors import DigitFactors
from cal_jax.data.images import ImageSplits, LabelledImages, fingerprint
from cal_jax.evaluation.oracle.cache import stored_oracle
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig


def factor_oracle(
    directory: Path,
    factors: DigitFactors,
    images: LabelledImages,
    config: OracleConfig,
    binarisation: str,
) -> Oracle:
    """The oracle of these training images, which predicts every factor of an image.

    Images are drawn uniformly, and so are the values of the rendered factors.

    Args:
      directory: of cached oracles.
      factors: to predict.
      images: to train on.
      config: how.
      binarisation: of its images, as the model's.

    Raises:
      InputError: see ``stored_oracle``.
    """
    dataset = factors.dataset(images, binarisation, seed=0, fresh=True)
    show = dataset.show(factors.names)

    def draw_batch(key: jax.Array, data: Any) -> tuple[jax.Array, jax.Array]:
        items, digits = data
        key_row, key_values, key_pixels = jax.random.split(key, 3)
        rows = jax.random.randint(key_row, (config.batch,), 0, len(digits))
        values = draw_values(factors, key_values, digits[rows])
        return show(items[rows], values, key_pixels), values

    digest = fingerprint(ImageSplits("", images, images))
    return stored_oracle(
        directory,
        draw_batch,
        (dataset.items, images.labels),
        factors.sizes,
        images.images.shape[-1],
        config,
        training_data=f"{' '.join(factors.names)} {digest} {binarisation}",
    )


def draw_values(factors: DigitFactors, key: jax.Array, digits: jax.Array) -> jax.Array:
    """Values [B, K] of images with these digits [B]: the others uniform; pure."""
    others = [
        jax.random.randint(jax.random.fold_in(key, k), digits.shape, 0, factors.sizes[name])
        for k, name in enumerate(factors.names[1:])
    ]
    return jnp.stack([digits, *others], axis=-1)
