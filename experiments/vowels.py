"""Vowels of speakers that training never heard: the contexts are the speaker and the vowel.

    python -m experiments.vowels --preset cpu --data-dir DIR

DIR holds ``vowel-context.data`` of UCI's "Connectionist Bench (Vowel Recognition - Deterding
Data)". The split is the published one: speakers 0 to 7 train, 8 to 14 test. The run's page,
scores and figures are in its folder, runs/vowels-cpu-vowels-seed0.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cal_jax.cli.program import Request
from cal_jax.config import omit_default
from cal_jax.data.vowels import read_vowels
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.components.sizes import Hidden
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.training.config import TrainingConfig
from experiments.common import factor_study
from experiments.common.factor_study import FactorStudy, FactorStudyConfig, Splits


@dataclass(frozen=True)
class VowelsConfig(FactorStudyConfig):
    """A study of the vowels."""

    validation: tuple[str, ...] = omit_default(())
    """Training speakers that are held back and evaluated on, for choosing between configs;
    test speakers stay unheard. None named: evaluate on these."""


_SMALL = ContextAwareConfig(
    contexts=named("speaker", "vowel"),
    context_dim=4,
    latent=Latent(2),
    encoder=DenseEncoder(24),
    decoder=DenseDecoder(24),
    posterior=SharedExperts(16),
    constant_prior=Mixture(components=4),
    varying_prior=Mixture(components=4),
    likelihood=Normal(),
    hidden=Hidden(width=16),
)

PRESETS = {
    "smoke": VowelsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=TrainingConfig(steps=20, batch_size=8, chunk_steps=10),
        set_size=4,
        test_sets=10,
    ),
    "cpu": VowelsConfig(
        summary="under two minutes on 2 cores",
        model=replace(
            _SMALL,
            context_dim=8,
            latent=Latent(4),
            encoder=DenseEncoder(128),
            decoder=DenseDecoder(128),
            posterior=SharedExperts(64),
            constant_prior=Mixture(components=20),
            varying_prior=Mixture(components=20),
            hidden=Hidden(width=64),
        ),
        training=TrainingConfig(
            steps=3_000,
            batch_size=16,
            learning_rate=2e-3,
            schedule="cosine",
            alpha=0.0,
            chunk_steps=100,
        ),
        set_size=6,
    ),
}


def splits(request: Request) -> Splits:
    """The published split, or one of the training speakers.

    Raises:
      InputError: no directory, or what ``read_vowels`` and a split refuse.
    """
    if request.data_dir is None:
        raise InputError("--data-dir: none; accepted: the directory with vowel-context.data")
    train, test = read_vowels(request.data_dir)
    if not request.config.validation:
        return Splits(train, test, "vowels", "test items")
    train, held_back = train.split_by_value("speaker", request.config.validation)
    return Splits(train, held_back, "vowels", "items of held-back training speakers")


STUDY = FactorStudy(
    name="vowels",
    title="Vowels",
    intro="A context-aware learner of ten log-area parameters of a vowel. The items of a set "
    "share a speaker or a vowel; which of the two is known, its value is not. Test speakers "
    "are unknown to training.",
    presets=PRESETS,
    splits=splits,
    reads="directory",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return factor_study.main(STUDY, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
