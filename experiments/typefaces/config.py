"""Configuration of the typeface study, and its presets."""

from dataclasses import dataclass, field, replace
from typing import Literal

from cal_jax.config import omit_default, require_at_least
from cal_jax.data.glyphs.render import CAPITALS
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.train import OracleConfig
from cal_jax.models.components.decoders import BilinearDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.group_posteriors import AnyGroupPosterior, GroupMean, GroupProduct
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture, Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig

CONTEXTS = ("letter", "typeface")
GIVEN = (1, 2, 4, 8)
"""Letters that are given to complete a face."""

GROUP_VAES: dict[str, type[AnyGroupPosterior]] = {
    "gvae": GroupMean,
    "ml_vae": GroupProduct,
}
"""Posteriors of the context of Hosoya 2019 and Bouchacourt et al. 2018."""

STATISTICIAN = "statistician"
"""Of Edwards & Storkey 2017; its z sees the context."""


@dataclass(frozen=True)
class TypefacesConfig:
    """Everything that decides a run but the seed and the faces."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    letters: str = CAPITALS
    """Drawn and read; some of those of the faces."""
    objective: Literal["crossed", "shared"] = "crossed"
    """crossed: tables of letters by typefaces, whose items share both; shared: sets that share
    one of them, with the contrastive loss."""
    table: tuple[int, int] = (10, 16)
    """Letters and typefaces of a table."""
    set_size: tuple[int, int] = (2, 10)
    """Items of a set that shares one context: the fewest, the most."""
    restyle: bool = True
    """Whether training faces are widened, heightened, slanted and thickened at random; the nearest
    face and the bilinear model take one such change of each face beside it."""
    contrast: float = 30.0
    """Of sets that share one context: weight of the cross-set contrastive loss."""
    dependence: float = 100.0
    """Of these sets: weight of the dependence of varying contexts on their set."""
    latent_weight: float = 2.0
    """Of z's KL in the first step: z would say what the contexts cannot."""
    weight_half_life: float = 2_000.0
    """Steps after which the weights' excess over 1 has halved."""
    group_vaes: tuple[str, ...] = ("gvae", "ml_vae")
    """Baselines that are trained beside the learner, on sets that share a typeface."""
    statistician: bool = omit_default(False)
    """Whether a neural statistician is trained like these. It decides no run but its own."""
    group_batch: int = 32
    """Sets of ten in a step of these baselines: as many items as the learner's."""
    judge_steps: int = omit_default(2_000)
    """Training steps of the network that judges letters and styles. It decides no model."""
    scored: Literal["test", "validation"] = "test"
    """Faces that are completed; validation for choosing between configs."""
    most_faces: int = 1_000
    """Faces that are completed, at most."""

    @property
    def judge(self) -> OracleConfig:
        """Of the network that judges letters and styles, and its training."""
        return OracleConfig(steps=self.judge_steps, learning_rate=3e-3, dropout=0.3)

    @property
    def one_context_models(self) -> tuple[str, ...]:
        """The baselines that are trained: models of sets with one context."""
        return (*self.group_vaes, *([STATISTICIAN] if self.statistician else []))

    def __post_init__(self) -> None:
        require_at_least(
            self, contrast=0, dependence=0, latent_weight=1, judge_steps=1, most_faces=1
        )
        if min(self.table) < 1:
            raise InputError(f"table {self.table}; accepted: letters and typefaces, 1 or more")
        if unknown := set(self.group_vaes) - set(GROUP_VAES):
            raise InputError(f"group_vaes {min(unknown)}; accepted: {', '.join(GROUP_VAES)}")
        low, high = self.set_size
        if not 1 <= low <= high or high < 2:
            raise InputError(f"set_size {self.set_size}; accepted: (fewest, most), most at least 2")
        if self.model.names != CONTEXTS:
            raise InputError(
                f"model.contexts must be {', '.join(CONTEXTS)}: got {', '.join(self.model.names)}"
            )
        if len(self.letters) < max(GIVEN) + 2:
            raise InputError(
                f"letters {self.letters!r}; accepted: {max(GIVEN) + 2} or more, so that two are "
                "left to draw"
            )


_DENSE = ContextAwareConfig(
    contexts=named(*CONTEXTS),
    context_dim=128,
    latent=Latent(1),
    encoder=DenseEncoder(512),
    decoder=BilinearDecoder(512, gates=26, factors=64),
    posterior=SharedExperts(256),
    constant_prior=Mixture(components=20),
    varying_prior=Standard(),
    likelihood=Normal(scale=0.1, unit_means=True),
    hidden=Hidden(width=256, norm="layer"),
)

_SMALL = replace(
    _DENSE,
    context_dim=8,
    encoder=DenseEncoder(32),
    decoder=BilinearDecoder(32, gates=4, factors=8),
    posterior=SharedExperts(16),
    constant_prior=Mixture(components=4),
    hidden=Hidden(width=16, norm="layer"),
)

_TRAINING = TrainingConfig(
    steps=3_000,
    batch_size=2,
    learning_rate=1e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=250,
)

_CPU = TypefacesConfig(
    summary="some 20 minutes on 2 cores, of the published corpus",
    model=_DENSE,
    training=_TRAINING,
    restyle=False,
    latent_weight=1_600.0,
    weight_half_life=1_500.0,
    statistician=True,
)

_DEMO = replace(
    _CPU,
    summary="a few minutes on 2 cores, of the embedded faces",
    model=replace(
        _DENSE,
        context_dim=32,
        encoder=DenseEncoder(256),
        decoder=BilinearDecoder(256, gates=26, factors=32),
        posterior=SharedExperts(128),
        constant_prior=Mixture(components=10),
        hidden=Hidden(width=128, norm="layer"),
    ),
    training=replace(_TRAINING, steps=4_000, learning_rate=2e-3, chunk_steps=100),
    table=(10, 8),
    weight_half_life=1_000.0,
    group_vaes=(),
    statistician=False,
    group_batch=16,
    judge_steps=500,
)

PRESETS = {
    "smoke": TypefacesConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=replace(_TRAINING, steps=20, chunk_steps=10),
        table=(4, 5),
        set_size=(2, 5),
        statistician=True,
        group_batch=8,
        judge_steps=20,
        most_faces=20,
    ),
    "demo": _DEMO,
    "cpu": _CPU,
    "shared": replace(
        _CPU,
        summary="cpu on sets that share one context, of as many items a step",
        objective="shared",
        model=replace(_DENSE, varying_prior=Mixture(components=20)),
        training=replace(_TRAINING, batch_size=_CPU.group_batch),
        group_vaes=(),
        statistician=False,
    ),
}
