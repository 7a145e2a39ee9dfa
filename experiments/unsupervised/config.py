"""Configuration of context-aware learners with inferred labels (thesis 6.4.3)."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from cal_jax.config import omit_default
from cal_jax.data.factors import DigitFactors
from cal_jax.data.mask_mix import Mix, all_masks, one_constant
from cal_jax.errors import InputError
from cal_jax.objectives.label import DRAWN, LabelEstimator
from experiments.common.image_sets_config import ImageSetsConfig
from experiments.common.mask_scores import even_mix

LabelCriterion = Literal["thesis", "annealed"]

LabelScore = Literal["contrast", "objective", "bound", "network"]
"""``contrast``: ``training.recipes.inferred_masks``; otherwise, ``balanced_masks``."""


class LabelTask(NamedTuple):
    """Which sets there are."""

    factors: DigitFactors
    classes: tuple[int, ...] | None = None
    """The digits; None: all ten."""
    all_subsets: bool = False
    """Whether any subset of the factors may be constant, not exactly one."""
    known: int = 0
    """Training sets whose label is told."""
    weights: tuple[float, ...] | None = None
    """Of the labels of training sets, in the order of the support; None: all alike."""


BLACK_AND_WHITE = DigitFactors(("digit", "background"))
ROTATED = DigitFactors(("digit", "rotation"))
TASKS = {
    "bw01": LabelTask(BLACK_AND_WHITE, classes=(0, 1)),
    "bw": LabelTask(BLACK_AND_WHITE),
    "bw_subsets": LabelTask(BLACK_AND_WHITE, all_subsets=True),
    "rotated": LabelTask(ROTATED),
    **{f"rotated_{known}": LabelTask(ROTATED, known=known) for known in (10, 20, 100, 1000)},
    **{f"rotated_{odds}to1": LabelTask(ROTATED, weights=(odds, 1)) for odds in (3, 9)},
}
"""``bw01`` is the thesis's; of ``rotated_N`` the labels of N training sets are told; in
``rotated_3to1`` three training sets share a digit for each that shares a rotation."""


@dataclass(frozen=True)
class LabelConfig:
    """How labels are inferred in training."""

    estimator: LabelEstimator = "exact"
    """See ``objectives.label.label_elbo``."""
    criterion: LabelCriterion = "annealed"
    """annealed: the KLs of z and of the contexts are heavy at first; thesis: (6.14)."""
    responsibilities: LabelScore = "objective"
    """What a label is scored by, where all are visited."""
    temperature: float = 5.0
    """Of these scores, in nats."""
    balance_decay: float | None = 0.95
    """Of the running balance of the labels; None: each set by itself."""
    latent_weight: float = 100.0
    """annealed: the weight of z's KL in the first step."""
    context_weight: float = 30.0
    """annealed: that of the contexts' KLs."""
    half_life: float = 1_000.0
    """annealed: steps after which the weights' excess over 1 has halved."""
    alpha: float = 100.0
    """thesis: omega = 1 + alpha in the first epoch."""
    alpha_rate: float = 0.95
    """thesis: by which alpha is multiplied after each epoch (decision 15)."""
    contrast: float = omit_default(0.0)
    """Weight of the contrastive penalty of a set's labels, if all are enumerated."""
    bound_weight: float = omit_default(1.0)
    """Of the bound beside the contrast, where that scores the labels; 0: the contrast alone."""
    known_share: float = 0.125
    """Of the sets that training visits: those whose label is told, if there are any."""

    def __post_init__(self) -> None:
        choices = {
            "estimator": LabelEstimator,
            "criterion": LabelCriterion,
            "responsibilities": LabelScore,
        }
        for name, names in choices.items():
            if getattr(self, name) not in get_args(names):
                accepted = ", ".join(get_args(names))
                raise InputError(
                    f"labels.{name} must be one of {accepted}: got {getattr(self, name)!r}"
                )
        if not self.contrast >= 0:
            raise InputError(f"labels.contrast must be 0 or more: got {self.contrast}")
        if self.contrast > 0 and self.draws:
            raise InputError(
                f"labels.contrast must be 0 where labels.estimator is {self.estimator}: "
                "it weighs every label"
            )
        if self.by_contrast and not (self.contrast > 0 and self.balance_decay is None):
            raise InputError(
                "labels.responsibilities contrast: accepted with labels.contrast above 0 and "
                f"labels.balance_decay None: got {self.contrast} and {self.balance_decay}"
            )
        if not self.bound_weight >= 0 or (self.bound_weight != 1 and not self.by_contrast):
            raise InputError(
                f"labels.bound_weight {self.bound_weight}; accepted: 0 or more, and 1 unless "
                "labels.responsibilities is contrast"
            )
        for name in ("temperature", "half_life", "latent_weight", "context_weight"):
            if not getattr(self, name) > 0:
                raise InputError(f"labels.{name} must be positive: got {getattr(self, name)}")
        if not self.alpha >= 0 or not 0 < self.alpha_rate <= 1:
            raise InputError("labels.alpha must be 0 or more, and alpha_rate above 0 and at most 1")
        if self.balance_decay is not None and not 0 <= self.balance_decay < 1:
            raise InputError(
                f"labels.balance_decay must be at least 0 and below 1, or None: "
                f"got {self.balance_decay}"
            )
        if not 0 < self.known_share < 1:
            raise InputError(
                f"labels.known_share must be above 0 and below 1: got {self.known_share}"
            )

    @property
    def draws(self) -> bool:
        """Whether one label is drawn."""
        return self.estimator in DRAWN

    @property
    def by_contrast(self) -> bool:
        """Whether the contrast alone scores the labels, and p(a) is learned."""
        return self.responsibilities == "contrast"


CONTRASTED_LABELS: dict[str, Any] = {
    "contrast": 30.0,
    "latent_weight": 2.0,
    "context_weight": 1.0,
    "half_life": 4_000.0,
}
"""Training with a cross-set contrastive loss; chosen on held-back images, without true labels
in training: see ``docs/results/unsupervised.md``."""

BY_CONTRAST: dict[str, Any] = {
    "responsibilities": "contrast",
    "balance_decay": None,
    "temperature": 1.0,
}
"""The contrast scores the labels, for any shares of them; chosen in the same way."""


@dataclass(frozen=True)
class UnsupervisedConfig(ImageSetsConfig):
    """Everything that decides a run but the seed and the images."""

    task: str = "bw01"
    """A name of ``TASKS``."""
    known: int = 0
    """Training sets whose label is told."""
    labels: LabelConfig = field(default_factory=LabelConfig)
    generation: bool = omit_default(True)
    """Whether what the model generates is scored too, by an oracle; False: its masks alone."""
    gradient_keys: int = omit_default(0)
    """Of the study of the label gradient's noise, before training, half-way and after it;
    0: none."""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"task must be one of {', '.join(TASKS)}: got {self.task!r}")
        super().__post_init__()
        labels = self.model.labels
        if labels is None or labels.num_labels != len(self.support):
            got = "None" if labels is None else labels.num_labels
            raise InputError(
                f"model.labels.num_labels must be {len(self.support)}, the labels of task "
                f"{self.task}: got {got}"
            )
        if not 0 <= self.known < self.num_sets:
            raise InputError(f"known must be 0 or more, and below num_sets: got {self.known}")

    @property
    def factors(self) -> DigitFactors:
        """Digit, and background or rotation."""
        return TASKS[self.task].factors

    @property
    def support(self) -> np.ndarray:
        """The labels that are possible, float32 [M, K]."""
        labels = all_masks if TASKS[self.task].all_subsets else one_constant
        return np.asarray(labels(len(self.factors.names)), np.float32)

    @property
    def mix(self) -> Mix:
        """The labels of training sets, and their weights."""
        weights = TASKS[self.task].weights or (1,) * len(self.support)
        labels = (tuple(map(int, label)) for label in self.support)
        return list(zip(labels, weights, strict=True))

    @property
    def even_mix(self) -> Mix:
        """Every label of the support equally often."""
        return even_mix(self.support)

    @property
    def log_prior(self) -> np.ndarray:
        """log p(a) of each label of the support where it is assumed, not learned: [M]."""
        return np.full(len(self.support), -np.log(len(self.support)), np.float32)
