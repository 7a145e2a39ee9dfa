"""Untold masks of sprites drawn by code: which of five factors the items of a set share.

    python -m experiments.drawn_sprites_untold --preset one-cpu        # one of the five
    python -m experiments.drawn_sprites_untold --preset subsets-cpu    # any of the 32 masks

It needs no data. Scored sets are of combinations that training never saw. The run's page and
scores are in its folder, runs/drawn_sprites_untold-one-cpu-drawn_sprites-seed0.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.cli.program import Request
from cal_jax.config import require_at_least
from cal_jax.data.drawn_sprites import FACTORS
from cal_jax.data.mask_mix import Mix
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder, PatchEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.labels import ScatterLabels
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.bench.data import combinations_of
from experiments.common import untold
from experiments.common.contrasted_masks import ContrastedMasks, Masks
from experiments.common.factor_study import Additions, Splits
from experiments.common.mask_scores import even_mix
from experiments.common.set_statistics import mixture_masks
from experiments.common.untold import (
    FLOOR_SETS,
    Named,
    UntoldStudy,
    accuracy_of,
    bound_and_floor,
    sets_of,
)

ONE, SUBSETS = len(FACTORS), 2 ** len(FACTORS)


@dataclass(frozen=True)
class DrawnSpritesUntoldConfig(ContrastedMasks):
    """Everything that decides a run but the seed."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    masks: Masks = "one"
    """Of the sets, all equally often: one factor is shared, or any subset of five."""
    set_size: int = 8
    """Items of a set, in training and evaluation."""
    test_sets: int = 1_000
    """Sets whose mask is named."""
    contrast: float = 300.0
    """Weight of what the sets of a batch say against a set's masks."""
    spread: float = 20.0
    """Mean squared length that a context's posterior means are brought to."""
    temperature: float = 1.0
    """Of the disagreement that scores a mask, in nats."""
    balance_decay: float | None = 0.95
    """Of the running balance of the masks; None: none."""
    latent_weight: float = 30.0
    """Of z's KL in the first step."""
    weight_half_life: float = 250.0
    """Steps after which that weight's excess over 1 has halved."""
    scored: Literal["test", "validation"] = "test"
    """Combinations of the scored sets; validation for choosing between configs."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, test_sets=1, contrast=0, latent_weight=1)
        labels, count = self.model.labels, len(self.support)
        if labels is None or labels.num_labels != count:
            found = "none" if labels is None else str(labels.num_labels)
            raise InputError(f"model.labels: {found}; accepted: num_labels {count}, one a mask")

    @property
    def mix(self) -> Mix | None:
        """Every mask equally often; None: those with exactly one constant context."""
        return None if self.masks == "one" else even_mix(self.support)


_SMALL = ContextAwareConfig(
    contexts=named(*FACTORS),
    context_dim=2,
    latent=Latent(2, prior=Standard()),
    encoder=DenseEncoder(8),
    decoder=DenseDecoder(8),
    posterior=SharedExperts(8),
    constant_prior=Standard(),
    varying_prior=Standard(),
    likelihood=Normal(scale=0.3, unit_means=True),
    labels=ScatterLabels(num_labels=ONE),
    hidden=Hidden(width=8, norm="none"),
)

_MODEL = replace(
    _SMALL,
    encoder=PatchEncoder((32, 64), 128, first_stride=4),
    decoder=DenseDecoder(256),
    posterior=SharedExperts(128),
    hidden=Hidden(width=128, norm="none"),
)

_TRAINING = TrainingConfig(
    steps=1_000,
    batch_size=20,
    learning_rate=1e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=50,
)

PRESETS = {
    "smoke": DrawnSpritesUntoldConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=replace(_TRAINING, steps=4, batch_size=4, chunk_steps=2),
        set_size=3,
        test_sets=20,
    ),
    "one-cpu": DrawnSpritesUntoldConfig(
        summary="one of the five, for a CPU: a minute of one core that has nothing else to do",
        model=_MODEL,
        training=_TRAINING,
    ),
    "subsets-cpu": DrawnSpritesUntoldConfig(
        summary="any of the 32 masks, for a CPU",
        model=replace(_MODEL, labels=ScatterLabels(num_labels=SUBSETS, width=64)),
        training=_TRAINING,
        masks="subsets",
    ),
}


def splits(request: Request) -> Splits:
    """Combinations that train, and others."""
    config = request.config
    parts = combinations_of("drawn_sprites", None)
    scored = getattr(parts, config.scored)
    return Splits(parts.train, scored, "drawn_sprites", f"{config.scored} combinations")


def scores_beside(named: Named) -> Additions:
    """The floor of simple statistics, and of the masks with one shared factor the bound.

    The ceiling of ``accuracy`` is the share of sets without a factor that is constant by chance.
    """
    config, scored = named.request.config, named.scored
    clear = 1.0 - float(scored.ambiguous.mean())
    accuracy = {"accuracy": named.scores["accuracy"]._replace(ceiling=clear)}
    if config.masks == "one":
        more = bound_and_floor(named)
        return more._replace(scores={**more.scores, **accuracy})
    seen = sets_of(named.splits.train, config, FLOOR_SETS, seed=0)
    rows = mixture_masks(seen.x, scored.x, len(config.support), named.request.seed)
    floor = accuracy_of(rows, scored.masks, config.support)
    return Additions(
        {**accuracy, "floor_accuracy": floor},
        [f"`floor_accuracy`: {len(config.support)} clusters by simple statistics of the sets."],
    )


STUDY = UntoldStudy(
    name="drawn_sprites_untold",
    title="Untold masks of drawn sprites",
    intro="The sprites of a set share some of shape, scale, orientation, x and y, and nobody says "
    "which. Combinations of the scored sets are unknown to training.",
    presets=PRESETS,
    splits=splits,
    add=scores_beside,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return untold.main(STUDY, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
