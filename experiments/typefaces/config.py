"""Configuration of the typeface study, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.config import require_at_least
from cal_jax.data.glyphs.render import CAPITALS
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.components.sizes import Hidden
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.training.config import TrainingConfig

CONTEXTS = ("letter", "typeface")
GIVEN = (1, 2, 4, 8)
"""Letters that are given to complete a face."""


@dataclass(frozen=True)
class TypefacesConfig:
    """Everything that decides a run but the seed and the faces."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    letters: str = CAPITALS
    """Drawn and read; some of those of the faces."""
    set_size: tuple[int, int] = (2, 10)
    """Items of a training set: the fewest, the most."""
    contrast: float = 30.0
    """Weight of the cross-set contrastive loss of constant contexts."""
    dependence: float = 100.0
    """Weight of the dependence of varying contexts on their set."""
    latent_weight: float = 2.0
    """Of z's KL in the first step."""
    weight_half_life: float = 2_000.0
    """Steps after which the weights' excess over 1 has halved."""
    scored: Literal["test", "validation"] = "test"
    """Faces that are completed; validation for choosing between configs."""
    most_faces: int = 1_000
    """Faces that are completed, at most."""

    def __post_init__(self) -> None:
        require_at_least(self, contrast=0, dependence=0, latent_weight=1, most_faces=1)
        low, high = self.set_size
        if not 1 <= low <= high or high < 2:
            raise InputError(f"set_size {self.set_size}; accepted: (fewest, most), most at least 2")
        if self.model.names != CONTEXTS:
            raise InputError(
                f"model.contexts must be {', '.join(CONTEXTS)}: got {', '.join(self.model.names)}"
            )
        if len(self.letters) <= max(GIVEN):
            raise InputError(
                f"letters {self.letters!r}; accepted: more than {max(GIVEN)}, so that some are "
                "left to draw"
            )


_DENSE = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=64,
    latent=Latent(2),
    encoder=DenseEncoder(512),
    decoder=DenseDecoder(512),
    posterior=SharedExperts(256),
    constant_prior=Mixture(components=20),
    varying_prior=Mixture(components=20),
    likelihood=Normal(scale=0.3),
    hidden=Hidden(width=256, norm="layer"),
)

_SMALL = replace(
    _DENSE,
    context_dim=8,
    latent=Latent(2),
    encoder=DenseEncoder(32),
    decoder=DenseDecoder(32),
    posterior=SharedExperts(16),
    constant_prior=Mixture(components=4),
    varying_prior=Mixture(components=4),
    hidden=Hidden(width=16, norm="layer"),
)

_TRAINING = TrainingConfig(
    steps=20_000,
    batch_size=16,
    learning_rate=1e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=250,
)

PRESETS = {
    "smoke": TypefacesConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=replace(_TRAINING, steps=20, batch_size=8, chunk_steps=10),
        set_size=(2, 5),
        most_faces=20,
    ),
    "cpu": TypefacesConfig(
        summary="some 30 minutes on 2 cores, of the published corpus",
        model=_DENSE,
        training=_TRAINING,
        weight_half_life=5_000.0,
    ),
}
