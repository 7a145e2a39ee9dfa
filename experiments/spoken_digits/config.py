"""Configuration of the study of spoken digits, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.data.log_mel import LogMel
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.common.factor_study import FactorStudyConfig

CONTEXTS = ("digit", "speaker")


@dataclass(frozen=True)
class SpokenDigitsConfig(FactorStudyConfig):
    """A study of spoken digits."""

    log_mel: LogMel = field(default_factory=LogMel)
    """What the model reads and writes."""
    scored: Literal["test", "validation"] = "test"
    """Takes that are scored: 0 to 4, the published test, after training on all others; or 5 to
    9 after training on 10 and above, for choosing between configs."""


# The density of what lies at the floor of the levels is bounded by the least variance alone: e^-6
# is a standard deviation of 3 dB.
_DENSE = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=32,
    latent=Latent(8),
    encoder=DenseEncoder(512),
    decoder=DenseDecoder(512),
    posterior=SharedExperts(128),
    constant_prior=Mixture(components=20),
    varying_prior=Mixture(components=20),
    likelihood=Normal(log_variance_range=(-6.0, 3.0)),
    hidden=Hidden(width=128, norm="layer"),
)

_TRAINING = TrainingConfig(
    steps=6_000,
    batch_size=16,
    learning_rate=1e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=100,
)

PRESETS = {
    "smoke": SpokenDigitsConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            _DENSE,
            context_dim=4,
            latent=Latent(2),
            encoder=DenseEncoder(24),
            decoder=DenseDecoder(24),
            posterior=SharedExperts(16),
            constant_prior=Mixture(components=4),
            varying_prior=Mixture(components=4),
            hidden=Hidden(width=16, norm="layer"),
        ),
        training=replace(_TRAINING, steps=20, batch_size=8, chunk_steps=10),
        log_mel=LogMel(samples=1_920, bands=12),
        set_size=4,
        test_sets=10,
    ),
    "cpu": SpokenDigitsConfig(
        summary="some five minutes on 2 cores", model=_DENSE, training=_TRAINING
    ),
    "full": SpokenDigitsConfig(
        summary="for an accelerator: wider, longer, larger batches; not published",
        model=replace(
            _DENSE,
            context_dim=64,
            latent=Latent(16),
            encoder=DenseEncoder(1_024),
            decoder=DenseDecoder(1_024),
            posterior=SharedExperts(256),
            hidden=Hidden(width=256, norm="layer"),
        ),
        training=replace(_TRAINING, steps=20_000, batch_size=64, chunk_steps=250),
    ),
}
