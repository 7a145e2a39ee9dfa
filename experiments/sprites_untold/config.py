"""Configuration of the study of sprites with inferred masks, and its presets."""

from dataclasses import dataclass, field, replace

from cal_jax.config import require_at_least
from cal_jax.data.mask_mix import Mix
from cal_jax.data.sprite_frames import FACTORS
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.labels import ScatterLabels
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.training.config import TrainingConfig
from experiments.common.contrasted_masks import ContrastedMasks, Masks
from experiments.common.mask_scores import even_mix
from experiments.sprites.config import LEAST_FRAMES, Scored
from experiments.sprites.config import PRESETS as TOLD


@dataclass(frozen=True)
class SpritesUntoldConfig(ContrastedMasks):
    """Everything that decides a run but the seed and the sheets."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    masks: Masks = "one"
    """The masks of the sets, all equally often: one factor is shared, or any subset of six."""
    set_size: int = 8
    """Frames of a set, in training and evaluation."""
    temperature: float = 1.0
    """Of the disagreement that scores a mask, in nats."""
    balance_decay: float | None = None
    """Of the running balance of the masks; None: none."""
    spread: float = 20.0
    """Mean squared length that a context's posterior means are brought to."""
    contrast: float = 300.0
    """Weight of the disagreement."""
    latent_weight: float = 2.0
    """Of z's KL in the first step."""
    weight_half_life: float = 2_000.0
    """Steps after which the weights' excess over 1 has halved."""
    scored: Scored = "test"
    """Characters of the scored sets: see ``experiments.sprites``."""
    test_sets: int = 2_000
    """Sets that are scored."""
    cluster_sets: int = 4_000
    """Training sets that the baseline and the told classifier are fitted on."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, test_sets=1, cluster_sets=1, contrast=0, latent_weight=1)
        if not self.temperature > 0 or not self.spread > 0:
            raise InputError("temperature and spread must be positive")
        if self.model.names != FACTORS:
            raise InputError(
                f"model.contexts must be {', '.join(FACTORS)}: got {', '.join(self.model.names)}"
            )
        labels, count = self.model.labels, len(self.support)
        if labels is None or labels.num_labels != count:
            raise InputError(
                f"model.labels.num_labels must be {count}, the masks: "
                f"got {None if labels is None else labels.num_labels}"
            )

    @property
    def mix(self) -> Mix:
        """Every mask equally often."""
        return even_mix(self.support)


ONE, SUBSETS = len(FACTORS), 2 ** len(FACTORS)


def _model(preset: str, num_labels: int) -> ContextAwareConfig:
    labels = ScatterLabels(num_labels=num_labels)
    return replace(TOLD[preset].model, labels=labels)


def _quick(num_labels: int) -> ContextAwareConfig:
    """Networks for the masks: the decoder is small, so that steps cost what the encoder costs."""
    return replace(
        _model("cpu", num_labels),
        encoder=DenseEncoder(256),
        decoder=DenseDecoder(64),
        posterior=SharedExperts(0),
    )


_TRAINING = replace(TOLD["cpu"].training, steps=1_200, batch_size=32)

PRESETS = {
    "smoke": SpritesUntoldConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_model("smoke", ONE),
        training=TOLD["smoke"].training,
        set_size=3,
        test_sets=20,
        cluster_sets=60,
    ),
    "cpu": SpritesUntoldConfig(
        summary="one of six, some 5 minutes on 1 core",
        model=_quick(ONE),
        training=_TRAINING,
        set_size=LEAST_FRAMES,
        contrast=1_000.0,
        weight_half_life=300.0,
    ),
    "cpu-subsets": SpritesUntoldConfig(
        summary="any subset of six, for 2 cores; not published",
        model=_quick(SUBSETS),
        training=replace(_TRAINING, steps=4_000, batch_size=48),
        masks="subsets",
        set_size=LEAST_FRAMES,
        balance_decay=0.95,
        contrast=1_000.0,
        weight_half_life=1_000.0,
    ),
    "full": SpritesUntoldConfig(
        summary="for an accelerator: wider, longer, larger batches; not published",
        model=_model("full", ONE),
        training=TOLD["full"].training,
        weight_half_life=10_000.0,
    ),
}
