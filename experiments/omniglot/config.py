"""Configuration of the Omniglot study, and its presets."""

from dataclasses import dataclass, field, replace

from cal_jax.config import require_at_least
from cal_jax.data.omniglot import NAMES
from cal_jax.data.warp import WarpRange
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.train import OracleConfig
from cal_jax.models.components.decoders import ConvDecoder, DenseDecoder, MLPDecoder
from cal_jax.models.components.encoders import ConvEncoder, DenseEncoder, PatchEncoder
from cal_jax.models.components.group_posteriors import GroupStatistic
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture, Standard
from cal_jax.models.group_vae import GroupVAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig

CONTEXTS = ("character", "hand")
PARTS = tuple(name for name in NAMES if name != "evaluation")
MODELS = ("learner", "statistician")


@dataclass(frozen=True)
class OmniglotConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    part: str = "small1"
    """Images to train on: one of ``PARTS``."""
    model: ContextAwareConfig | GroupVAEConfig = field(default_factory=ContextAwareConfig)
    """The learner, or a neural statistician that sees sets of one character alone."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    image_size: int = 28
    """Pixels a side."""
    centre: bool = True
    """Whether each image is moved so that the mean place of its ink is at the centre."""
    set_size: int = 4
    """Items of a training set."""
    character_sets: float = 3.0
    """Sets in which the character is constant, for each in which the hand is."""
    shared_warp: WarpRange = field(default_factory=WarpRange)
    """Of all items of a training set: further characters and hands."""
    item_warp: WarpRange = field(default_factory=WarpRange)
    """Of each item of a training set, and of an image's ``views``."""
    contrast: float = 100.0
    """Weight of the cross-set contrastive loss of constant contexts."""
    dependence: float = 0.0
    """Weight of the dependence of varying contexts on their set; a hand's characters are all of
    its alphabet, so they do depend on it."""
    latent_weight: float = 2.0
    """Of z's KL in the first step."""
    weight_half_life: float = 2_000.0
    """Steps after which the weights' excess over 1 has halved."""
    held_back: tuple[str, ...] = ()
    """Alphabets that nothing is fitted on and whose one-shot runs are scored, for choosing
    between configs; the published runs stay unread. None named: score the published runs."""
    held_pairs: float = 0.2
    """Share of the pairs of a character and a hand that nothing is fitted on: they are
    synthesised."""
    turned_views: bool = True
    """Whether an image is compared in its quarter turns and their mirror images too, as in
    training further characters: their KLs are added up."""
    views: int = 0
    """Random warps of an image over which its context's moments are averaged; 0: none."""
    likelihood_weight: float = 0.05
    """Of log p(x_new | context) beside the KL of contexts, in nats for nats."""
    likelihood_samples: tuple[int, int] = (10, 10)
    """Of log p(x_new | context): contexts, and latents for each of them."""
    source_items: int = 10
    """Items that a synthesis takes a context from, at most."""
    oracle: OracleConfig = field(default_factory=OracleConfig)
    """The judge of the characters that are made."""

    def __post_init__(self) -> None:
        require_at_least(
            self,
            image_size=8,
            set_size=2,
            contrast=0,
            dependence=0,
            latent_weight=1,
            views=0,
            likelihood_weight=0,
            source_items=1,
        )
        if self.part not in PARTS:
            raise InputError(f"part must be one of {', '.join(PARTS)}: got {self.part!r}")
        if not 0 < self.held_pairs < 1:
            raise InputError(f"held_pairs must be between 0 and 1: got {self.held_pairs}")
        if not self.character_sets > 0:
            raise InputError(f"character_sets must be positive: got {self.character_sets}")
        if min(self.likelihood_samples) < 1:
            raise InputError(
                f"likelihood_samples {self.likelihood_samples}; accepted: (contexts, latents)"
            )
        if isinstance(self.model, ContextAwareConfig) and self.model.names != CONTEXTS:
            raise InputError(
                f"model.contexts must be {', '.join(CONTEXTS)}: got {', '.join(self.model.names)}"
            )

    @property
    def name(self) -> str:
        """Of the run's experiment: the part, and the model where it is not the learner."""
        kind = "" if isinstance(self.model, ContextAwareConfig) else f"-{MODELS[1]}"
        return f"omniglot-{self.part}{kind}"


def with_part(config: OmniglotConfig, part: str) -> OmniglotConfig:
    """The preset for other images."""
    return replace(config, part=part)


def with_model(config: OmniglotConfig, name: str) -> OmniglotConfig:
    """The preset for another model with the same encoder, decoder and latent numbers."""
    model = config.model
    if name == MODELS[0]:
        return config
    assert isinstance(model, ContextAwareConfig)
    assert isinstance(model.posterior, SharedExperts)
    statistician = GroupVAEConfig(
        posterior=GroupStatistic(model.hidden.width),
        context_dim=model.context_dim,
        latent_dim=model.context_dim + model.latent.dim,
        encoder=model.encoder,
        decoder=model.decoder,
        likelihood=model.likelihood,
        hidden=model.hidden,
    )
    return replace(config, model=statistician)


_LEARNER = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=64,
    latent=Latent(16),
    encoder=PatchEncoder((48, 96, 128), 512),
    decoder=MLPDecoder((512, 512)),
    posterior=SharedExperts(0),
    constant_prior=Mixture(components=20),
    varying_prior=Mixture(components=20),
    likelihood=Normal(scale=0.1, unit_means=True),
    hidden=Hidden(width=256, depth=1),
)

_CPU = OmniglotConfig(
    summary="4 minutes a seed on one core",
    model=_LEARNER,
    training=TrainingConfig(
        steps=3_000,
        batch_size=32,
        learning_rate=1e-3,
        schedule="cosine",
        alpha=0.0,
        chunk_steps=250,
    ),
    shared_warp=WarpRange(degrees=15, stretch=0.2, shear=0.3),
    item_warp=WarpRange(degrees=10, stretch=0.15, shear=0.15, shift=0.05, elastic=0.02),
    weight_half_life=1_000.0,
    oracle=OracleConfig(steps=1_500, dropout=0.3),
)

PRESETS = {
    "smoke": replace(
        _CPU,
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(
            _LEARNER,
            context_dim=4,
            latent=Latent(2),
            encoder=DenseEncoder(16),
            decoder=DenseDecoder(16),
            posterior=SharedExperts(8),
            constant_prior=Standard(),
            varying_prior=Standard(),
            hidden=Hidden(width=8, depth=1, norm="layer"),
        ),
        training=replace(_CPU.training, steps=4, batch_size=4, chunk_steps=2),
        image_size=12,
        set_size=2,
        views=2,
        likelihood_samples=(1, 2),
        source_items=2,
        oracle=OracleConfig(widths=(4, 8), steps=2, batch=8),
    ),
    "cpu": _CPU,
    "full": replace(
        _CPU,
        summary="the neural statistician's widths (Edwards & Storkey 2017), for an accelerator",
        model=replace(
            _LEARNER,
            context_dim=512,
            encoder=ConvEncoder((64, 128, 256)),
            decoder=ConvDecoder((64, 128, 256)),
        ),
        training=replace(_CPU.training, steps=100_000, batch_size=64, learning_rate=1e-3),
        weight_half_life=25_000.0,
    ),
}
