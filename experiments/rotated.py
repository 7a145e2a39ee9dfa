"""Rotated MNIST with known labels (thesis 6.4.2, figures 6.5-6.7).

    python -m experiments.rotated --preset cpu --data-dir DIR

Trains the weakly supervised context-aware learner on sets that share a digit or
one of eight rotations, generates data sets with either, both or neither
constant, puts the digit of one set and the rotation of another together, and
scores all with an oracle.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cal_jax.data.factors import DigitFactors
from cal_jax.models.context_aware.config import ContextAwareConfig, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.training.config import TrainingConfig
from experiments.common import known_labels
from experiments.common.figures import Figure
from experiments.common.image_sets_config import (
    DENSE_MODEL,
    ROTATED_ORACLE,
    ROTATED_TRAINING,
    SMALL_IMAGE,
    SMALL_MODEL,
    SMALL_ORACLE,
)
from experiments.common.known_labels import Drawn, Experiment
from experiments.common.known_labels_config import CONTRASTED, ROTATION_MODEL, KnownLabelsConfig
from experiments.common.rotated_figures import draw_rotated

FACTORS = DigitFactors(("digit", "rotation"))
CONTEXTS = named(*FACTORS.names)
TARGETS = {
    "conditional_digit": 0.9,
    "conditional_rotation": 0.95,
    "synthesis_joint": 0.85,
    "unconditional_digit": 0.85,
    "unconditional_rotation": 0.9,
    "neither_diversity_digit": 0.97,
    "neither_diversity_rotation": 0.97,
}
"""Beside these, ``neither_mutual_information`` below 0.05 nats."""


@dataclass(frozen=True)
class RotatedConfig(KnownLabelsConfig):
    """Rotated digits; digit and rotation are constant equally often (6.4.2)."""

    @property
    def factors(self) -> DigitFactors:
        """Digit and rotation."""
        return FACTORS


PRESETS = {
    "smoke": RotatedConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            SMALL_MODEL,
            contexts=CONTEXTS,
            posterior=SharedExperts(64),
            constant_prior=Mixture(components=4),
            varying_prior=Mixture(components=4),
        ),
        image_size=SMALL_IMAGE,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=SMALL_ORACLE,
        num_sets=160,
        test_sets=40,
        **CONTRASTED,
    ),
    "cpu": RotatedConfig(
        summary="some 20 minutes on a core, for MNIST: tied experts, mixtures for priors, a "
        "decoder that rotates, and a contrast between the sets of a batch",
        model=ROTATION_MODEL,
        training=replace(ROTATED_TRAINING, alpha=0.0),
        oracle=ROTATED_ORACLE,
        **CONTRASTED,
    ),
    "faithful": RotatedConfig(
        summary="the same with the thesis's posteriors and priors; its decoder does not rotate",
        model=replace(DENSE_MODEL, contexts=CONTEXTS),
        training=ROTATED_TRAINING,
        oracle=ROTATED_ORACLE,
    ),
    "thesis": RotatedConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        model=ContextAwareConfig(contexts=CONTEXTS),
        training=TrainingConfig(chunk_steps=20),
        oracle=ROTATED_ORACLE,
    ),
}


def draw(folder: Path, _: RotatedConfig, drawn: Drawn) -> list[Figure]:
    """Figures 6.5 to 6.7."""
    return draw_rotated(folder, drawn.sampler, drawn.key, drawn.real, drawn.generated)


EXPERIMENT = Experiment(
    name="rotated",
    title="Rotated",
    intro="The weakly supervised context-aware learner (thesis 6.4.2): the items of a set "
    "share a digit or one of eight rotations; which of the two is known, its value is not.",
    presets=PRESETS,
    targets=TARGETS,
    draw=draw,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return known_labels.main(EXPERIMENT, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
