"""Configuration of the vowel study, and its presets."""

from dataclasses import dataclass, field, replace

from cal_jax.config import omit_default, require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import Statistic
from cal_jax.models.context_aware.priors import Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig

CONTEXTS = ("speaker", "vowel")
MIX = (((1, 0), 0.2), ((0, 1), 0.3), ((1, 1), 0.5))
"""Constant masks of training sets, and their weights: one speaker, one vowel, both."""


@dataclass(frozen=True)
class VowelsConfig:
    """Everything that decides a run but the seed and the data."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    set_size: int = 12
    """Items of a training set."""
    made_up_speakers: int = 300
    """Drawn from the moments of the training speakers; the learner is trained on these."""
    learners: int = 1
    """Trained on made-up speakers of their own; their probabilities are averaged."""
    adaptation_steps: int = 300
    """Of Adam, from each start."""
    temperature: float = 10.0
    """Nats by which the weights of two optima of the adaptation differ by a factor e."""
    validation: tuple[str, ...] = omit_default(())
    """Training speakers that are held back and scored, for choosing between configs; test
    speakers stay unheard. None named: score these."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, made_up_speakers=2, learners=1, adaptation_steps=1)
        if not self.temperature > 0:
            raise InputError(f"temperature must be positive: got {self.temperature}")
        if self.model.names != CONTEXTS:
            raise InputError(
                f"model.contexts must be {', '.join(CONTEXTS)}: got {', '.join(self.model.names)}"
            )
        if not isinstance(self.model.likelihood, Normal):
            raise InputError(
                f"model.likelihood must be Normal: got {type(self.model.likelihood).__name__}"
            )
        if not isinstance(self.model.latent.prior, Standard):
            raise InputError(
                f"model.latent.prior must be Standard: got {type(self.model.latent.prior).__name__}"
            )


_DENSE = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=12,
    latent=Latent(1, prior=Standard()),
    encoder=DenseEncoder(64),
    decoder=DenseDecoder(64),
    posterior=Statistic(64),
    constant_prior=Standard(),
    varying_prior=Standard(),
    likelihood=Normal(),
    hidden=Hidden(width=64, depth=1, norm="none", activation="selu"),
)

_TRAINING = TrainingConfig(
    steps=5_000,
    batch_size=16,
    learning_rate=5e-3,
    schedule="cosine",
    alpha=0.0,
    clip=1.0,
    chunk_steps=100,
)

PRESETS = {
    "smoke": VowelsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            _DENSE,
            context_dim=4,
            encoder=DenseEncoder(16),
            decoder=DenseDecoder(16),
            posterior=Statistic(16),
            hidden=replace(_DENSE.hidden, width=16),
        ),
        training=replace(_TRAINING, steps=20, batch_size=8, chunk_steps=10),
        set_size=4,
        made_up_speakers=20,
        adaptation_steps=3,
    ),
    "cpu": VowelsConfig(
        summary="under a minute on 2 cores",
        model=_DENSE,
        training=_TRAINING,
        learners=2,
    ),
}
