"""Configuration of the bench, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.config import require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import AnyDecoder, ConvDecoder, DenseDecoder
from cal_jax.models.components.encoders import (
    AnyEncoder,
    ConvEncoder,
    DenseEncoder,
    PatchEncoder,
)
from cal_jax.models.components.likelihoods import AnyLikelihood, Normal
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments.bench.data import DATA

METHODS = (
    "vae",
    "beta_vae",
    "gvae",
    "ml_vae",
    "ada_gvae",
    "ada_ml_vae",
    "slow_vae",
    "context_aware",
    "context_aware_told",
)
"""``context_aware`` is not told which factor a set shares, ``context_aware_told`` is."""


@dataclass(frozen=True)
class BenchConfig:
    """Everything that decides a run but the seed and the files."""

    summary: str
    data: str = "drawn_sprites"
    """A name of ``bench.data.DATA``."""
    methods: tuple[str, ...] = METHODS
    """Some of ``METHODS``, trained one after the other."""
    block: int = 2
    """Dimensions of z for each factor, of every method: a context's."""
    encoder: AnyEncoder = field(default_factory=lambda: PatchEncoder((32, 64), 128, first_stride=4))
    decoder: AnyDecoder = field(default_factory=lambda: DenseDecoder(256))
    likelihood: AnyLikelihood = field(default_factory=lambda: Normal(scale=0.3, unit_means=True))
    hidden: Hidden = field(default_factory=lambda: Hidden(width=128, norm="none"))
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Its batch is of the learner's sets; the other methods have as many items, in pairs."""
    set_size: int = 8
    """Items of the learner's sets, which share exactly one factor. Pairs share all but one."""
    beta: float = 4.0
    """Weight of the beta-VAE's KL."""
    rate: float = 6.0
    """Of SlowVAE's Laplace distributions."""
    transition_weight: float = 10.0
    """Of SlowVAE's KL of the transition (gamma)."""
    contrast: float = 300.0
    """Weight of what the learner's sets say of each other."""
    dependence: float = 300.0
    """The same of varying contexts, where masks are told."""
    spread: float = 20.0
    """Mean squared length that a context's posterior means are brought to before both."""
    temperature: float = 1.0
    """Of the disagreement that scores a mask, in nats."""
    balance_decay: float | None = 0.95
    """Of the running balance of the masks; None: none."""
    latent_weight: float = 30.0
    """Of the learner's KL of z in the first step."""
    weight_half_life: float = 250.0
    """Steps after which that weight's excess over 1 has halved."""
    scored: Literal["test", "validation"] = "test"
    """Combinations that are scored; validation for choosing between configs."""
    fitted_items: int = 1_000
    """Items that predictors of factors are fitted on."""
    scored_items: int = 2_000
    """Others that they are scored on, and that metrics without predictors read."""
    boosting_rounds: int = 100
    """Of the gradient boosted trees whose importances DCI reads."""

    def __post_init__(self) -> None:
        require_at_least(
            self,
            block=1,
            set_size=2,
            beta=0,
            contrast=0,
            dependence=0,
            latent_weight=1,
            transition_weight=0,
            fitted_items=2,
            scored_items=2,
            boosting_rounds=1,
        )
        if self.data not in DATA:
            raise InputError(f"data must be one of {', '.join(DATA)}: got {self.data!r}")
        if not self.methods or not set(self.methods) <= set(METHODS):
            raise InputError(
                f"methods must be one or more of {', '.join(METHODS)}: got {self.methods}"
            )
        if self.training.batch_size * self.set_size % 2:
            raise InputError("training.batch_size and set_size: an odd number of items in a step")

    @property
    def pairs(self) -> int:
        """Pairs in a step, of as many items as the learner's sets have."""
        return self.training.batch_size * self.set_size // 2


_CPU = BenchConfig(
    summary="sprites drawn by code, for a CPU",
    training=TrainingConfig(
        steps=1_000,
        batch_size=20,
        learning_rate=1e-3,
        schedule="cosine",
        alpha=0.0,
        chunk_steps=100,
    ),
    boosting_rounds=20,
)

_FULL = replace(
    _CPU,
    encoder=ConvEncoder((32, 64, 128)),
    decoder=ConvDecoder((32, 64, 128)),
    hidden=Hidden(width=256, norm="none"),
    training=replace(_CPU.training, steps=100_000, batch_size=32),
    weight_half_life=10_000.0,
    fitted_items=10_000,
    scored_items=5_000,
    boosting_rounds=100,
)

PRESETS = {
    "smoke": replace(
        _CPU,
        summary="seconds: small models of three methods, too short to learn; for tests",
        methods=("vae", "ada_gvae", "context_aware"),
        encoder=DenseEncoder(8),
        decoder=DenseDecoder(8),
        hidden=Hidden(width=8, norm="none"),
        training=replace(_CPU.training, steps=4, batch_size=5, chunk_steps=2),
        set_size=2,
        fitted_items=150,
        scored_items=150,
        boosting_rounds=1,
    ),
    "drawn_sprites": _CPU,
    **{
        name: replace(_FULL, data=name, summary="the official file, for an accelerator; not run")
        for name in DATA
        if name != "drawn_sprites"
    },
}
