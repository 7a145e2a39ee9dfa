"""Untold masks of typefaces: whether the glyphs of a set share a letter or a typeface.

    python -m experiments.typefaces_untold --preset cpu --data-dir DIR
    python -m experiments.typefaces_untold --preset cpu-three --data-dir DIR
    python -m experiments.typefaces_untold --preset 3to1-cpu --data-dir DIR

DIR holds fonts, or ``glyphs.npz``, as for ``experiments.typefaces``; without it, the faces that
ship with the package are taken. Test sets are of families that training never saw. The contexts
are letter and typeface, or letter, family and style (``typefaces.styles``). The run's page and
scores are in its folder, runs/typefaces_untold-cpu-fonts-seed0.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cal_jax.cli.program import Request
from cal_jax.data.glyphs.render import CAPITALS
from cal_jax.data.glyphs.splits import Split, split_families
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.common import untold
from experiments.common.factor_study import Splits
from experiments.common.untold import UntoldConfig, UntoldStudy
from experiments.typefaces.config import CONTEXTS
from experiments.typefaces.faces import faces_of, training_items
from experiments.typefaces.styles import FACTORS, styled_items, styled_split


@dataclass(frozen=True)
class TypefacesUntoldConfig(UntoldConfig):
    """A study of the untold masks of typefaces."""

    letters: str = CAPITALS
    """Some of those of the faces."""
    scored: Literal["test", "validation"] = "test"
    """Faces of the sets whose mask is named; validation for choosing between configs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model.names not in (CONTEXTS, FACTORS):
            raise InputError(
                f"model.contexts {', '.join(self.model.names)}; accepted: {', '.join(CONTEXTS)}, "
                f"or {', '.join(FACTORS)}"
            )


_SMALL = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=4,
    latent=Latent(4),
    encoder=DenseEncoder(32),
    decoder=DenseDecoder(32),
    posterior=SharedExperts(16),
    constant_prior=Mixture(components=4),
    varying_prior=Mixture(components=4),
    likelihood=Normal(scale=0.3, unit_means=True),
    labels=PooledLabels(num_labels=2),
    hidden=Hidden(width=16),
)

_TRAINING = TrainingConfig(
    steps=2_000,
    batch_size=32,
    learning_rate=2e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=100,
)

PRESETS = {
    "smoke": TypefacesUntoldConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=replace(_TRAINING, steps=20, batch_size=8, chunk_steps=10),
        set_size=4,
        test_sets=20,
    ),
    "cpu": TypefacesUntoldConfig(
        summary="some 3 minutes on 2 cores, of the published corpus",
        model=replace(
            _SMALL,
            context_dim=16,
            encoder=DenseEncoder(384),
            decoder=DenseDecoder(384),
            posterior=SharedExperts(128),
            constant_prior=Mixture(components=20),
            varying_prior=Mixture(components=20),
            hidden=Hidden(width=128),
        ),
        training=_TRAINING,
    ),
}

PRESETS["smoke-three"] = replace(
    PRESETS["smoke"], model=replace(_SMALL, contexts=named(*FACTORS), labels=PooledLabels(3))
)

PRESETS["cpu-three"] = replace(
    PRESETS["cpu"],
    summary="letter, family and style: some 2 minutes on 1 core, of the published corpus",
    model=replace(
        PRESETS["cpu"].model,
        contexts=named(*FACTORS),
        encoder=DenseEncoder(192),
        decoder=DenseDecoder(192),
        posterior=SharedExperts(96),
        labels=PooledLabels(3),
        hidden=Hidden(width=96),
    ),
    training=replace(_TRAINING, steps=800),
)
PRESETS |= {
    f"{odds}to1-cpu": replace(
        PRESETS["cpu"],
        summary=f"cpu, where {odds} training sets share a letter for each that shares a typeface",
        mask_weights=(odds, 1),
        responsibilities="contrast",
        temperature=1.0,
    )
    for odds in (3, 9)
}


def splits(request: Request) -> Splits:
    """Faces of families that train, and of others.

    Raises:
      InputError: see ``faces_of``, ``split_families`` and ``styled_split``.
    """
    config = request.config
    glyphs, name = faces_of(request.data_dir)
    three = config.model.names == FACTORS
    divide, items_of = (styled_split, styled_items) if three else (split_families, training_items)
    split = Split(*(part.only(config.letters) for part in divide(glyphs)))
    return Splits(
        items_of(split.train),
        items_of(getattr(split, config.scored)),
        name,
        f"{config.scored} faces",
        {f"{part}_faces": len(of.faces) for part, of in split._asdict().items()},
    )


STUDY = UntoldStudy(
    name="typefaces_untold",
    title="Untold masks of typefaces",
    intro="The glyphs of a set share a letter or a typeface (a letter, a family or a style), and "
    "nobody says which. Families of the scored sets are unknown to training.",
    presets=PRESETS,
    splits=splits,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return untold.main(STUDY, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
