"""Rotated MNIST where a fifth of the (digit, rotation) pairs is never seen in training.

    python -m experiments.held_out_pairs --preset cpu --data-dir DIR

Trains the weakly supervised context-aware learner as ``experiments.rotated``
does, on sets of seen pairs only, and scores the synthesis of pairs that it
saw and of pairs that it did not. Pairs that look the same (a 6 upside down is
a 9) are held out together.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

from cal_jax.data.factors import DigitFactors
from cal_jax.data.held_out import held_out_pairs
from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import Read, RealSets
from cal_jax.metrics.merged import readings_of_rotated_digits
from cal_jax.metrics.scores import Score
from cal_jax.models.context_aware.config import ContextAwareConfig, named
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.training.config import TrainingConfig
from experiments.common import known_labels
from experiments.common.figures import Figure
from experiments.common.image_sets_config import (
    ROTATED_ORACLE,
    ROTATED_TRAINING,
    SMALL_IMAGE,
    SMALL_MODEL,
    SMALL_ORACLE,
)
from experiments.common.known_labels import Drawn, Experiment
from experiments.common.known_labels_config import CONTRASTED, ROTATION_MODEL, KnownLabelsConfig
from experiments.common.rotated_figures import draw_held_out, draw_rotated
from experiments.common.run import TEST_SEED
from experiments.held_out_pairs.scores import held_out_scores

FACTORS = DigitFactors(("digit", "rotation"))
CONTEXTS = named(*FACTORS.names)
BOTH = (1, 1)
TARGETS = {"synthesis_held_out": 0.7}


@dataclass(frozen=True)
class HeldOutPairsConfig(KnownLabelsConfig):
    """Rotated digits without some pairs; digit and rotation are constant equally often."""

    held_out: float = 0.2
    """Share of the 60 classes of (digit, rotation) pairs that look the same."""
    held_out_seed: int = 0
    """Which ones: see ``data.held_out``. The same for every seed of training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.held_out_seed < 0:
            raise InputError(f"held_out_seed must be 0 or more: got {self.held_out_seed}")
        held_out_pairs(self.held_out, self.held_out_seed)

    @property
    def factors(self) -> DigitFactors:
        """Digit and rotation."""
        return FACTORS

    @property
    def allowed(self) -> np.ndarray:
        """The pairs that are seen, bool [10, 8]."""
        return ~held_out_pairs(self.held_out, self.held_out_seed)


PRESETS = {
    "smoke": HeldOutPairsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            SMALL_MODEL,
            contexts=CONTEXTS,
            constant_prior=Mixture(components=4),
            varying_prior=Mixture("constants", components=4),
        ),
        image_size=SMALL_IMAGE,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=SMALL_ORACLE,
        num_sets=160,
        test_sets=40,
    ),
    "cpu": HeldOutPairsConfig(
        summary="some 12 minutes on a core, for MNIST: as the rotated experiment's",
        model=ROTATION_MODEL,
        training=replace(ROTATED_TRAINING, steps=20_000, alpha=0.0),
        oracle=ROTATED_ORACLE,
        **CONTRASTED,
    ),
    "thesis": HeldOutPairsConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        model=ContextAwareConfig(contexts=CONTEXTS),
        training=TrainingConfig(chunk_steps=20),
        oracle=ROTATED_ORACLE,
    ),
}


def unseen_sets(config: HeldOutPairsConfig, drawn: Drawn) -> RealSets:
    """Real sets of one held-out pair each, which the model is never given."""
    return drawn.draw_sets(((BOTH, 1),), BOTH, allowed=~config.allowed)[0]


def score(config: HeldOutPairsConfig, drawn: Drawn, read: Read) -> Mapping[str, Score]:
    """Of the synthesis of seen and of held-out pairs."""
    return held_out_scores(
        drawn.sampler,
        jax.random.fold_in(drawn.key, len(FACTORS.names)),
        np.random.default_rng(TEST_SEED),
        drawn.real,
        unseen_sets(config, drawn),
        ~config.allowed,
        read,
        functools.partial(readings_of_rotated_digits, names=FACTORS.names),
    )


def draw(folder: Path, config: HeldOutPairsConfig, drawn: Drawn) -> list[Figure]:
    """Figures 6.5 to 6.7, and pairs that training never saw."""
    sampler, key, real = drawn.sampler, drawn.key, drawn.real
    return [
        *draw_rotated(folder, sampler, key, real, drawn.generated),
        draw_held_out(folder, sampler, key, real, unseen_sets(config, drawn)),
    ]


EXPERIMENT = Experiment(
    name="held_out_pairs",
    title="Held-out pairs of",
    intro="The weakly supervised context-aware learner on rotated digits (thesis 6.4.2), a fifth "
    "of whose (digit, rotation) pairs no training image shows. A set with such a pair is "
    "synthesised from a set that shares the digit and one that shares the rotation.",
    presets=PRESETS,
    targets=TARGETS,
    draw=draw,
    score=score,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return known_labels.main(EXPERIMENT, __doc__, arguments)
