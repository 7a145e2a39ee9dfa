"""Black & white MNIST with known labels (thesis 6.4.1, figures 6.2-6.4).

    python -m experiments.black_and_white --preset cpu --data-dir DIR

Trains the weakly supervised context-aware learner, generates data sets from
its priors, from given sets and from two sources, and scores them with an
oracle. What each preset reached is in docs/results/README.md.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cal_jax.data.factors import DigitFactors
from cal_jax.evaluation.oracle.train import OracleConfig
from cal_jax.models.context_aware.actions import Inversion
from cal_jax.models.context_aware.config import Context, ContextAwareConfig, named
from cal_jax.training.config import TrainingConfig
from experiments.common import known_labels
from experiments.common.figures import Figure, draw_generation
from experiments.common.image_sets_config import DENSE_MODEL, SMALL_IMAGE, SMALL_MODEL, SMALL_ORACLE
from experiments.common.known_labels import Drawn, Experiment
from experiments.common.known_labels_config import CONTRASTED, CONTRASTED_MODEL, KnownLabelsConfig

FACTORS = DigitFactors(("digit", "background"))
CONTEXTS = named(*FACTORS.names)
INVERSION = Context("background", Inversion())
TARGETS = {
    "conditional_digit": 0.95,
    "conditional_background": 0.995,
    "synthesis_joint": 0.97,
    "unconditional_digit": 0.9,
    "unconditional_background": 0.99,
    "neither_diversity_digit": 0.97,
    "neither_diversity_background": 0.97,
}


@dataclass(frozen=True)
class BlackAndWhiteConfig(KnownLabelsConfig):
    """Digits on a black or white background, digit constant five times as often (6.4.1)."""

    digit_sets: int = 5

    @property
    def factors(self) -> DigitFactors:
        """Digit and background."""
        return FACTORS


_LONG = TrainingConfig(batch_size=16, schedule="cosine", chunk_steps=250)
_ORACLE = OracleConfig(steps=2_500, learning_rate=2e-3, dropout=0.2, shift=1)

PRESETS = {
    "smoke": BlackAndWhiteConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(SMALL_MODEL, contexts=CONTEXTS),
        image_size=SMALL_IMAGE,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=SMALL_ORACLE,
        num_sets=160,
        test_sets=40,
    ),
    "demo": BlackAndWhiteConfig(
        summary="a few minutes on 2 cores, for the embedded digits",
        model=replace(SMALL_MODEL, contexts=CONTEXTS),
        image_size=SMALL_IMAGE,
        training=replace(_LONG, steps=8_000, learning_rate=1e-3),
        oracle=OracleConfig(
            widths=(32, 64, 256), steps=500, batch=64, learning_rate=4e-3, dropout=0.3
        ),
        binarisation="dynamic",
        num_sets=8_000,
    ),
    "cpu": BlackAndWhiteConfig(
        summary="some 10 minutes on a core, for MNIST: tied experts, mixtures for priors, a "
        "context that inverts, and a contrast between the sets of a batch",
        model=replace(CONTRASTED_MODEL, contexts=(Context("digit"), INVERSION)),
        training=replace(_LONG, steps=20_000, learning_rate=2e-3, alpha=0.0),
        oracle=_ORACLE,
        **CONTRASTED,
    ),
    "faithful": BlackAndWhiteConfig(
        summary="the same with the thesis's posteriors, priors and criterion; no context inverts",
        model=replace(DENSE_MODEL, contexts=CONTEXTS),
        training=replace(_LONG, steps=30_000, learning_rate=2e-3, alpha_half_life=0.3),
        oracle=_ORACLE,
    ),
    "thesis": BlackAndWhiteConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        model=ContextAwareConfig(contexts=CONTEXTS),
        training=TrainingConfig(chunk_steps=20),
        oracle=_ORACLE,
    ),
}


def draw(folder: Path, _: BlackAndWhiteConfig, drawn: Drawn) -> list[Figure]:
    """Figures 6.2 to 6.4, and a synthesis as in figure 6.7."""
    return draw_generation(folder, FACTORS.names, drawn.real.one_constant, drawn.generated)


EXPERIMENT = Experiment(
    name="black_and_white",
    title="Black & white",
    intro="The weakly supervised context-aware learner (thesis 6.4.1): the items of a set "
    "share a digit or a background; which of the two is known, its value is not.",
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
