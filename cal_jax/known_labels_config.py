"""What decides a run on sets of digit images whose labels are known."""

from dataclasses import dataclass, field

import numpy as np

from cal_jax.configuration import quiet
from cal_jax.data.binarise import BINARISATIONS
from cal_jax.data.factors import ImageFactors
from cal_jax.data.label_mix import Mix, all_labels, one_constant
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

TURNED_TRAINING = TrainingConfig(
    steps=40_000,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    alpha_half_life=0.3,
    chunk_steps=250,
    chunk_form="scan",
)
"""Of turned digits, on a CPU."""

TURNED_ORACLE = OracleConfig(steps=4_000, learning_rate=2e-3, dropout=0.2, shift=1)
"""Of turned digits."""

SMALL_ORACLE = OracleConfig(widths=(16, 64), steps=100, batch=32, learning_rate=5e-3)
"""For tests: in seconds, and it reads badly."""

TRAINING_LABELS = ("one_constant", "all")


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
    training_labels: str = quiet("one_constant")
    """Labels of the sets in training and in the bound: one_constant, the K with exactly one
    constant factor, or all, every one of the 2^K."""
    digit_sets: int = 1
    """Sets in which the digit alone is constant, for every set of each other label,
    in training and in the bound."""
    test_sets: int = 2_000
    likelihood_every: int = quiet(50)
    """One in so many test sets has its log p(D) bounded by importance weighting."""

    def __post_init__(self) -> None:
        if self.binarisation not in BINARISATIONS:
            raise InputError(
                f"binarisation must be one of {', '.join(BINARISATIONS)}: got {self.binarisation!r}"
            )
        least = {"set_size": 2, "num_sets": 1, "test_sets": 10, "likelihood_every": 1}
        least |= {"digit_sets": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InputError(f"{name} must be at least {smallest}: got {getattr(self, name)}")
        if self.training_labels not in TRAINING_LABELS:
            raise InputError(
                f"training_labels must be one of {', '.join(TRAINING_LABELS)}: "
                f"got {self.training_labels!r}"
            )
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
    def allowed(self) -> np.ndarray | None:
        """Which combinations of values sets may show, bool [10, ...]; None: all of them."""
        return None

    @property
    def mix(self) -> Mix:
        """The labels of training and of the bound, and their weights."""
        count = len(self.factors.names)
        alone = one_constant(count)
        labels = all_labels(count) if self.training_labels == "all" else alone
        return [(label, self.digit_sets if label == alone[0] else 1) for label in labels]
