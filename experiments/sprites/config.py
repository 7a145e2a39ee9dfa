"""Configuration of the study of sprites, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.config import require_at_least
from cal_jax.data.mask_mix import Mix
from cal_jax.data.sprite_frames import BACKGROUND, FACTORS
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import DiscretizedLogistic
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture, Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.common.contrasted_masks import Masks, support_of
from experiments.common.mask_scores import even_mix
from experiments.sprites.oracle import OracleConfig

Scored = Literal["test", "validation"]

LEAST_FRAMES = 5
"""Of one character, action and direction: a clip of the shortest action."""


@dataclass(frozen=True)
class SpritesConfig:
    """Everything that decides a run but the seed and the sheets."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    set_size: int = LEAST_FRAMES
    """Frames of a set, in training and evaluation; of a whole clip there are no more."""
    masks: Masks = "subsets"
    """The masks of training sets, all equally often: one factor is shared, or any subset."""
    contrast: float = 30.0
    """Weight of the cross-set contrastive loss of constant contexts."""
    dependence: float = 30.0
    """Weight of the dependence of varying contexts on their set."""
    spread: float = 20.0
    """Mean squared length that a context's posterior means are brought to before both."""
    latent_weight: float = 2.0
    """Of z's KL in the first step."""
    weight_half_life: float = 2_000.0
    """Steps after which the weights' excess over 1 has halved."""
    scored: Scored = "test"
    """Characters that are scored: those of the published test, or others held back from training
    for choosing between configs."""
    test_sets: int = 500
    """Syntheses, swaps, and sets whose bound is taken."""
    most_frames: int = 100_000
    """Real frames that ceilings are of, and that the nearest is sought among, at most."""

    def __post_init__(self) -> None:
        require_at_least(
            self, set_size=2, test_sets=1, most_frames=1, contrast=0, dependence=0, latent_weight=1
        )
        if self.model.names != FACTORS:
            raise InputError(
                f"model.contexts must be {', '.join(FACTORS)}: got {', '.join(self.model.names)}"
            )

    @property
    def mix(self) -> Mix:
        """Every mask of training equally often."""
        return even_mix(support_of(self.masks, len(FACTORS)))


_DENSE = ContextAwareConfig(
    contexts=named(*FACTORS),
    context_dim=16,
    latent=Latent(8),
    encoder=DenseEncoder(512),
    decoder=DenseDecoder(512),
    posterior=SharedExperts(256),
    constant_prior=Mixture(components=12),
    varying_prior=Mixture(components=12),
    likelihood=DiscretizedLogistic(zero_level=float(BACKGROUND)),
    hidden=Hidden(width=128, norm="layer"),
)

_SMALL = replace(
    _DENSE,
    context_dim=4,
    latent=Latent(2),
    encoder=DenseEncoder(8),
    decoder=DenseDecoder(8),
    posterior=SharedExperts(8),
    constant_prior=Standard(),
    varying_prior=Standard(),
    hidden=Hidden(width=8, norm="layer"),
)

_TRAINING = TrainingConfig(
    steps=20_000,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=100,
)

PRESETS = {
    "smoke": SpritesConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=replace(_TRAINING, steps=4, batch_size=4, chunk_steps=2),
        oracle=OracleConfig(width=16, steps=40, batch_size=32),
        test_sets=4,
        most_frames=300,
    ),
    "cpu": SpritesConfig(
        summary="some 13 minutes on 1 core",
        model=replace(_DENSE, posterior=SharedExperts(0)),
        training=replace(_TRAINING, steps=6_500),
        set_size=3,
        contrast=300.0,
        dependence=300.0,
        latent_weight=100.0,
        weight_half_life=1_000.0,
    ),
    "full": SpritesConfig(
        summary="for an accelerator: wider, longer, larger batches; not published",
        model=replace(
            _DENSE,
            context_dim=32,
            encoder=DenseEncoder(1_024),
            decoder=DenseDecoder(1_024),
            hidden=Hidden(width=256, norm="layer"),
        ),
        training=replace(_TRAINING, steps=60_000, batch_size=64),
        weight_half_life=10_000.0,
    ),
}
