"""Configuration of runs on sets of digit images, with known or inferred labels."""

from dataclasses import dataclass, field

import numpy as np

from cal_jax.config import require_at_least
from cal_jax.data.binarise import BINARISATIONS
from cal_jax.data.factors import DigitFactors
from cal_jax.data.images import NUM_CLASSES
from cal_jax.data.mask_mix import Mix
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.train import SMALLEST_IMAGE, OracleConfig
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent
from cal_jax.models.context_aware.posteriors import Statistic
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig

SMALL_IMAGE = 14
"""Pixels a side of the embedded digits, enlarged, and of tests."""

SMALL_MODEL = ContextAwareConfig(
    context_dim=16,
    latent=Latent(8),
    encoder=DenseEncoder(128),
    decoder=DenseDecoder(128),
    posterior=Statistic(64),
    hidden=Hidden(64),
)
"""Of small images, for tests and embedded digits."""

DENSE_MODEL = ContextAwareConfig(
    context_dim=32,
    encoder=DenseEncoder(384),
    decoder=DenseDecoder(384),
    posterior=Statistic(128),
)
"""For a CPU."""

ROTATED_TRAINING = TrainingConfig(
    steps=40_000,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    alpha_half_life=0.3,
    chunk_steps=250,
)
"""Of rotated digits, on a CPU."""

ROTATED_ORACLE = OracleConfig(steps=4_000, learning_rate=2e-3, dropout=0.2, shift=1, max_blur=1.2)
"""Of rotated digits. Rotations by odd multiples of 45 degrees are interpolated and the others are
not, which an oracle must not go by: see ``docs/results/scores.md``."""

SMALL_ORACLE = OracleConfig(widths=(16, 64), steps=100, batch=32, learning_rate=5e-3)
"""For tests: in seconds, and it reads badly."""


@dataclass(frozen=True)
class SetsConfig:
    """Which sets of digit images a run has, how long it trains, and what judges it."""

    summary: str
    training: TrainingConfig = field(default_factory=TrainingConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    binarisation: str = "static"
    """static, dynamic or threshold (decision 5)."""
    image_size: int = 28
    """Pixels a side that images are resized to."""
    num_sets: int = 20_000
    """Created in advance, as rows of the image array."""
    set_size: int = 10
    test_sets: int = 2_000

    def __post_init__(self) -> None:
        require_binarisation(self.binarisation)
        require_at_least(self, set_size=2, num_sets=1, test_sets=10)
        require_readable(self.image_size)

    @property
    def factors(self) -> DigitFactors:
        """What is constant or varies: a property of the experiment, not of a run."""
        raise NotImplementedError

    @property
    def allowed(self) -> np.ndarray | None:
        """Which combinations of values sets may show, bool [10, ...]; None: all of them."""
        return None

    @property
    def mix(self) -> Mix:
        """The labels of training and of the bound, and their weights."""
        raise NotImplementedError


@dataclass(frozen=True)
class ImageSetsConfig(SetsConfig):
    """Everything that decides a context-aware learner's run but the seed and the images.

    How labels are learnt, or known, is left to those that extend it.
    """

    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.factors.names
        if self.model.names != names:
            raise InputError(
                f"model.contexts must be {', '.join(names)}: got {', '.join(self.model.names)}"
            )
        self.model.sizes((self.image_size, self.image_size))


def require_binarisation(name: str) -> None:
    """Refuse a name that is no binarisation's.

    Raises:
      InputError: then.
    """
    if name not in BINARISATIONS:
        raise InputError(f"binarisation must be one of {', '.join(BINARISATIONS)}: got {name!r}")


def require_readable(image_size: int, name: str = "image_size") -> None:
    """Refuse images that are too small for the oracle.

    Raises:
      InputError: then.
    """
    if image_size < SMALLEST_IMAGE:
        raise InputError(
            f"{name} must be at least {SMALLEST_IMAGE} for the oracle: got {image_size}"
        )


def require_digits(config: object, name: str) -> None:
    """Refuse a field that is no choice of digits between which images can vary.

    Raises:
      InputError: one digit alone, one twice, or one that is none; an empty field stands for all.
    """
    digits = getattr(config, name)
    wrong = len(digits) == 1 or len(set(digits)) < len(digits)
    if wrong or not set(digits) <= set(range(NUM_CLASSES)):
        raise InputError(
            f"{name} must be two or more of 0 to {NUM_CLASSES - 1}, each once, or none: "
            f"got {digits}"
        )
