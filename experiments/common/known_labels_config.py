"""Configuration of runs on sets of digit images with known labels."""

from dataclasses import dataclass, replace
from typing import Any

from cal_jax.config import omit_default, require_at_least
from cal_jax.data.mask_mix import Mix, all_masks, one_constant
from cal_jax.errors import InputError
from cal_jax.models.components.encoders import DenseEncoder, EquivariantEncoder
from cal_jax.models.context_aware.actions import Rotation
from cal_jax.models.context_aware.config import Context
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from experiments.common.image_sets_config import DENSE_MODEL, ImageSetsConfig, require_digits

TRAINING_LABELS = ("one_constant", "all")

CONTRASTED_MODEL = replace(
    DENSE_MODEL,
    context_dim=16,
    posterior=SharedExperts(128),
    constant_prior=Mixture(),
    varying_prior=Mixture(),
)
"""Of the presets for a CPU: one expert for both uses of a context, a prior of its own for each."""

ROTATION = Context("rotation", Rotation(DenseEncoder(384)))
"""The second context of rotated digits."""

ROTATION_MODEL = replace(
    CONTRASTED_MODEL,
    contexts=(Context("digit"), ROTATION),
    encoder=EquivariantEncoder(128),
    constant_prior=Mixture(components=60),
    varying_prior=Mixture(components=60),
)
"""Of rotated digits; angles lie on a ring, which takes more Gaussians."""

CONTRASTED: dict[str, Any] = {
    "contrast": 30.0,
    "dependence": 100.0,
    "latent_weight": 2.0,
    "weight_half_life": 10_000.0,
}
"""Training with it; chosen on held-back images: see ``docs/results/known_labels.md``."""


@dataclass(frozen=True)
class KnownLabelsConfig(ImageSetsConfig):
    """Which labels the sets have, and what their bound weighs."""

    training_labels: str = omit_default("one_constant")
    """Labels of the sets in training and in the bound: one_constant, the K with exactly one
    constant factor, or all, every one of the 2^K."""
    training_classes: tuple[int, ...] = omit_default(())
    """Digits that the images show, in training and in the run's own evaluation; none named:
    all. The others stay unseen, for ``experiments.context_uses``."""
    digit_sets: int = 1
    """Sets in which the digit alone is constant, for every set of each other label,
    in training and in the bound."""
    latent_weight: float = omit_default(1.0)
    """Of z's KL in the first step; with ``context_weight`` not 1, (6.13) is not used."""
    context_weight: float = omit_default(1.0)
    """Of the contexts' KLs in the first step."""
    weight_half_life: float = omit_default(1_000.0)
    """Steps after which the excess of both over 1 has halved."""
    contrast: float = omit_default(0.0)
    """Weight of ``set_contrast``: posteriors of a constant context tell its set from others."""
    dependence: float = omit_default(0.0)
    """Weight of ``set_dependence``: a varying context's posteriors are independent of the set."""
    likelihood_every: int = omit_default(50)
    """One in so many test sets has its log p(D) bounded by importance weighting."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, digit_sets=0, likelihood_every=1)
        require_digits(self, "training_classes")
        for name in ("latent_weight", "context_weight", "weight_half_life"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive: got {getattr(self, name)}")
        for name in ("contrast", "dependence"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be 0 or more: got {getattr(self, name)}")
        if self.training_labels not in TRAINING_LABELS:
            raise InputError(
                f"training_labels must be one of {', '.join(TRAINING_LABELS)}: "
                f"got {self.training_labels!r}"
            )

    @property
    def mix(self) -> Mix:
        """The labels of training and of the bound, and their weights."""
        count = len(self.factors.names)
        alone = one_constant(count)
        labels = all_masks(count) if self.training_labels == "all" else alone
        return [(label, self.digit_sets if label == alone[0] else 1) for label in labels]
