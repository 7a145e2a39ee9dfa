"""Digit, rotation and background as three contexts, with known labels (thesis 6.4 at K = 3).

    python -m experiments.three_contexts --preset cpu --data-dir DIR

Trains the weakly supervised context-aware learner on sets with exactly one
constant factor (``cpu-all-labels``: with any of the 2^3 subsets constant),
generates sets with one, two, three or none constant, synthesises sets from
three sources, and scores all with an oracle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jax

from cal_jax.data.factors import DigitFactors
from cal_jax.data.mask_mix import ConstantMask, all_masks, one_constant
from cal_jax.evaluation.generation_scores import Read, RealSets
from cal_jax.metrics.scores import Score
from cal_jax.models.components.encoders import DenseEncoder, EquivariantEncoder
from cal_jax.models.context_aware.actions import Rotation
from cal_jax.models.context_aware.config import Context, ContextAwareConfig, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.training.config import TrainingConfig
from experiments.black_and_white import INVERSION
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
from experiments.common.known_labels_config import (
    CONTRASTED,
    ROTATION,
    ROTATION_MODEL,
    KnownLabelsConfig,
)
from experiments.three_contexts.figures import draw_three_contexts
from experiments.three_contexts.scores import two_constant_scores

FACTORS = DigitFactors(("digit", "rotation", "background"))
NUM_CONTEXTS = len(FACTORS.names)
LABELS = sorted(all_masks(NUM_CONTEXTS), key=sum, reverse=True)
"""From everything constant to nothing."""
TARGETS = {"synthesis_triple": 0.75}


@dataclass(frozen=True)
class ThreeContextsConfig(KnownLabelsConfig):
    """Rotated digits on a black or white background; every label equally often."""

    @property
    def factors(self) -> DigitFactors:
        """Digit, rotation and background."""
        return FACTORS


_CPU = ThreeContextsConfig(
    summary="some 10 minutes on a core, for MNIST: as the rotated experiment's, with a context "
    "that inverts; exactly one constant factor a set",
    model=replace(ROTATION_MODEL, contexts=(Context("digit"), ROTATION, INVERSION)),
    training=replace(ROTATED_TRAINING, steps=12_000, alpha=0.0),
    oracle=ROTATED_ORACLE,
    **CONTRASTED,
)

PRESETS = {
    "smoke": ThreeContextsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            SMALL_MODEL,
            contexts=(
                Context("digit"),
                Context("rotation", Rotation(DenseEncoder(128))),
                INVERSION,
            ),
            encoder=EquivariantEncoder(128),
            posterior=SharedExperts(64),
            constant_prior=Mixture(components=4),
            varying_prior=Mixture("constants", components=4),
        ),
        image_size=SMALL_IMAGE,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=SMALL_ORACLE,
        num_sets=160,
        test_sets=40,
    ),
    "cpu": _CPU,
    "cpu-all-labels": replace(
        _CPU,
        summary="the same, trained on all eight labels equally often",
        training_labels="all",
    ),
    "thesis": ThreeContextsConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        model=ContextAwareConfig(contexts=named(*FACTORS.names)),
        training=TrainingConfig(chunk_steps=20),
        oracle=ROTATED_ORACLE,
    ),
}


def real_sets(drawn: Drawn) -> Mapping[ConstantMask, RealSets]:
    """Real sets of every label."""
    real = drawn.real
    there = dict(zip(one_constant(NUM_CONTEXTS), real.one_constant, strict=True))
    there |= {LABELS[0]: real.all_constant, LABELS[-1]: real.none_constant}
    return {
        label: there[label] if label in there else drawn.draw_sets(((label, 1),), label)[0]
        for label in LABELS
    }


def score(_: ThreeContextsConfig, drawn: Drawn, read: Read) -> Mapping[str, Score]:
    """Of sets with two constant factors."""
    key = jax.random.fold_in(drawn.key, NUM_CONTEXTS)
    two = {label: sets for label, sets in real_sets(drawn).items() if sum(label) == 2}
    return two_constant_scores(FACTORS.names, drawn.sampler, key, two, read)


def draw(folder: Path, _: ThreeContextsConfig, drawn: Drawn) -> list[Figure]:
    """Sets of every label, conditional sets, and a synthesis."""
    return draw_three_contexts(
        folder,
        FACTORS.names,
        drawn.sampler,
        drawn.key,
        drawn.real,
        drawn.generated,
        real_sets(drawn),
    )


EXPERIMENT = Experiment(
    name="three_contexts",
    title="Three contexts of",
    intro="The weakly supervised context-aware learner (thesis 6.4) with three contexts: the "
    "items of a set share a digit, one of eight rotations, a background, or several of these; "
    "which is known, the values are not.",
    presets=PRESETS,
    targets=TARGETS,
    draw=draw,
    score=score,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return known_labels.main(EXPERIMENT, __doc__, arguments)
