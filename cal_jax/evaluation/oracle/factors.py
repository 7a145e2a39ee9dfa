"""The oracle of a data set's factors, trained on fresh binarisations of training images."""

from pathlib import Path
from typing import Any

import jax

from cal_jax.data.binarise import fresh_binary
from cal_jax.data.factors import ImageFactors
from cal_jax.data.images import ImageSplits, LabelledImages, fingerprint
from cal_jax.evaluation.oracle.cache import stored_oracle
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig


def factor_oracle(
    directory: Path,
    factors: ImageFactors,
    images: LabelledImages,
    config: OracleConfig,
    binarisation: str,
) -> Oracle:
    """The oracle of these training images, which reads every factor of an image.

    Images are drawn uniformly, and so are the values of the other factors.

    Args:
      directory: where it is kept, and found again.
      factors: what it reads.
      images: to train on.
      config: how.
      binarisation: of its images, as the model's.

    Raises:
      InputError: see ``stored_oracle``.
    """

    def draw_batch(key: jax.Array, data: Any) -> tuple[jax.Array, jax.Array]:
        turned, digits = data
        key_row, key_values, key_pixels = jax.random.split(key, 3)
        rows = jax.random.randint(key_row, (config.batch,), 0, len(digits))
        values = factors.draw_values(key_values, digits[rows])
        binary = fresh_binary(key_pixels, factors.pick(turned, rows, values), binarisation)
        return factors.paint(binary, values), values

    digest = fingerprint(ImageSplits("", images, images))
    return stored_oracle(
        directory,
        draw_batch,
        (factors.turned(images.images), images.labels),
        factors.sizes,
        images.images.shape[-1],
        config,
        training_data=f"{' '.join(factors.names)} {digest} {binarisation}",
    )
