"""What decides a run on sets of digit images whose labels are known."""

from dataclasses import dataclass, field

import numpy as np

from cal_jax.data.binarise import BINARISATIONS
from cal_jax.data.factors import ImageFactors
from cal_jax.data.label_mix import Mix
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle import SMALLEST_IMAGE, OracleConfig
from cal_jax.models.context_aware import ContextAwareConfig
from cal_jax.training.run import TrainingConfig

SMALL_MODEL = ContextAwareConfig(
    image_network="dense",
    context_dim=16,
    latent_dim=8,
    image_size=14,
    dense_width=128,
    statistic_width=64,
    inference_width=64,
)
"""Of small images, for tests and embedded digits."""

DENSE_MODEL = ContextAwareConfig(
    image_network="dense", context_dim=32, dense_width=384, statistic_width=128
)
"""For a CPU."""


@dataclass(frozen=True)
class KnownLabelsConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    binarisation: str = "static"
    """static, dynamic or threshold (decision 5)."""
    num_sets: int = 20_000
    """Created in advance, as rows of the image array."""
    set_size: int = 10
    digit_sets: int = 1
    """Digit-constant sets for every set that is constant in another one of the factors,
    in training and in the bound."""
    test_sets: int = 2_000

    def __post_init__(self) -> None:
        if self.binarisation not in BINARISATIONS:
            raise InputError(
                f"binarisation must be one of {', '.join(BINARISATIONS)}: got {self.binarisation!r}"
            )
        least = {"set_size": 2, "num_sets": 1, "test_sets": 10, "digit_sets": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InputError(f"{name} must be at least {smallest}: got {getattr(self, name)}")
        names = self.factors.names
        if self.model.num_contexts != len(names):
            raise InputError(f"model.num_contexts must be {len(names)}: {', '.join(names)}")
        if self.model.image_size < SMALLEST_IMAGE:
            raise InputError(f"model.image_size must be at least {SMALLEST_IMAGE} for the oracle")

    @property
    def factors(self) -> ImageFactors:
        """What is constant or varies: a property of the experiment, not of a run."""
        raise NotImplementedError

    @property
    def mix(self) -> Mix:
        """The labels with exactly one constant factor, and their weights."""
        labels = np.eye(len(self.factors.names), dtype=int)
        weights = [self.digit_sets, *[1] * (len(labels) - 1)]
        return [
            (tuple(map(int, label)), weight) for label, weight in zip(labels, weights, strict=True)
        ]
