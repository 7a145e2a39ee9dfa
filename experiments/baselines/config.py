"""What decides the run of a baseline: a model with one context, or with none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cal_jax.config import require_at_least
from cal_jax.data.factors import DigitFactors
from cal_jax.data.mask_mix import Mix, one_constant
from cal_jax.errors import InputError
from cal_jax.models.components.group_posteriors import (
    AnyGroupPosterior,
    GroupMean,
    GroupProduct,
    GroupStatistic,
)
from cal_jax.models.group_vae import GroupVAEConfig
from cal_jax.models.vae import VAEConfig
from experiments.common.image_sets_config import SetsConfig


class BaselineTask(NamedTuple):
    """The data sets of a context-aware learner's experiment with two factors."""

    factors: DigitFactors
    digit_sets: int
    """Sets in which the digit alone is constant, for every set of the other label."""


TASKS = {
    "rotated": BaselineTask(DigitFactors(("digit", "rotation")), 1),
    "black_and_white": BaselineTask(DigitFactors(("digit", "background")), 5),
}

NAMES: Mapping[type[AnyGroupPosterior], str] = {
    GroupStatistic: "statistician",
    GroupProduct: "ml_vae",
    GroupMean: "gvae",
}
"""Of a model with a context, by its posterior."""

MODELS = (*NAMES.values(), "vae")


@dataclass(frozen=True)
class BaselineConfig(SetsConfig):
    """Everything that decides a baseline's run but the seed and the images."""

    task: str = "rotated"
    """A name of ``TASKS``."""
    group: str | None = None
    """The factor that the sets of training share: a model that knows one kind of group sees
    those alone. None: it sees all sets, and not what they share."""
    model: GroupVAEConfig | VAEConfig = field(default_factory=GroupVAEConfig)
    likelihood_every: int = 50
    """One in so many test sets has its log p(D) bounded by importance weighting."""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"task must be one of {', '.join(TASKS)}: got {self.task!r}")
        super().__post_init__()
        require_at_least(self, likelihood_every=1)
        groups = () if self.name == "vae" else self.factors.names
        if self.group is not None and self.group not in groups:
            accepted = ", ".join(map(str, (None, *groups)))
            raise InputError(f"group must be one of {accepted}: got {self.group!r}")

    @property
    def name(self) -> str:
        """Of the model, one of ``MODELS``."""
        return "vae" if isinstance(self.model, VAEConfig) else NAMES[type(self.model.posterior)]

    @property
    def factors(self) -> DigitFactors:
        """Digit, and rotation or background."""
        return TASKS[self.task].factors

    @property
    def group_index(self) -> int | None:
        """Which of the factors ``group`` is."""
        return None if self.group is None else self.factors.names.index(self.group)

    @property
    def mix(self) -> Mix:
        """The labels of the task's sets, and their weights."""
        digit, other = one_constant(len(self.factors.names))
        return [(digit, TASKS[self.task].digit_sets), (other, 1)]
