"""Digits in coloured ink: RGB images, whose contexts are the digit and the ink.

    python -m experiments.coloured_digits --preset cpu --data-dir DIR

DIR holds MNIST; without it the digits are those embedded in scikit-learn. The run's page,
scores and figures are in its folder, runs/coloured_digits-cpu-mnist-seed0.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cal_jax.cli.program import Request
from cal_jax.config import require_at_least
from cal_jax.data.coloured_digits import coloured_digits
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import DiscretizedLogistic
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.common import factor_study
from experiments.common.factor_study import FactorStudy, FactorStudyConfig, Splits
from experiments.common.run import TEST_SEED, images_of

TRAIN_SEED = 0
"""Of the inks of training images; test images have those of ``TEST_SEED``."""


@dataclass(frozen=True)
class ColouredDigitsConfig(FactorStudyConfig):
    """A study of digits in coloured ink."""

    image_size: int = 14
    """Pixels a side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, image_size=1)


_SMALL = ContextAwareConfig(
    contexts=named("digit", "ink"),
    context_dim=4,
    latent=Latent(4),
    encoder=DenseEncoder(24),
    decoder=DenseDecoder(24),
    posterior=SharedExperts(16),
    constant_prior=Mixture(components=4),
    varying_prior=Mixture(components=4),
    likelihood=DiscretizedLogistic(),
    hidden=Hidden(width=16),
)

PRESETS = {
    "smoke": ColouredDigitsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=TrainingConfig(steps=20, batch_size=8, chunk_steps=10),
        set_size=4,
        test_sets=10,
        image_size=8,
    ),
    "cpu": ColouredDigitsConfig(
        summary="a few minutes on 2 cores, for MNIST",
        model=replace(
            _SMALL,
            context_dim=16,
            latent=Latent(16),
            encoder=DenseEncoder(256),
            decoder=DenseDecoder(256),
            posterior=SharedExperts(96),
            constant_prior=Mixture(components=20),
            varying_prior=Mixture(components=20),
            hidden=Hidden(width=96),
        ),
        training=TrainingConfig(
            steps=4_000,
            batch_size=16,
            learning_rate=2e-3,
            schedule="cosine",
            alpha=0.0,
            chunk_steps=100,
        ),
        set_size=10,
    ),
}


def splits(request: Request) -> Splits:
    """Training and test images (or held-back ones) of the digits asked for, in their inks.

    Raises:
      InputError: see ``data.sources.load_for_evaluation``.
    """
    size = request.config.image_size
    images = images_of(request, size)
    return Splits(
        coloured_digits(images.train, TRAIN_SEED),
        coloured_digits(images.evaluated, TEST_SEED),
        images.name,
        images.evaluated_on,
        {"image_size": size},
    )


STUDY = FactorStudy(
    name="coloured_digits",
    title="Coloured digits",
    intro="A context-aware learner of RGB images under a discretised logistic likelihood. The "
    "images of a set share a digit or an ink; which of the two is known, its value is not.",
    presets=PRESETS,
    splits=splits,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return factor_study.main(STUDY, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
