"""Configuration of runs on digits as sets of points (Edwards & Storkey 2017)."""

from dataclasses import dataclass, field

from cal_jax.config import require_at_least
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.points import PointOracleConfig
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig

SHOWN_SETS = 10
"""Of those that are evaluated, in the figure."""


@dataclass(frozen=True)
class SpatialConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    model: NeuralStatisticianConfig = field(
        default_factory=lambda: NeuralStatisticianConfig(
            context_dim=64,
            latent_dim=2,
            layers=3,
            likelihood=Normal(log_variance_range=(-6.0, 3.0)),
            hidden=Hidden(256),
        )
    )
    """Its sizes are the author's; the smallest deviation is that within a pixel."""
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=375_000,
            batch_size=16,
            learning_rate=1e-3,
            schedule="cosine",
            kl_power=1,
            clip=0.5,
            chunk_steps=250,
        )
    )
    """100 epochs of 60,000 data sets in batches of 16."""
    oracle: PointOracleConfig = field(default_factory=PointOracleConfig)
    image_size: int = 28
    set_size: int = 50
    neighbour_sets: int = 10_000
    """Training images whose contexts are the neighbours: the first of them."""
    test_sets: int = 10_000
    """Evaluation images that are used: the first of them, or as many as there are."""
    likelihood_sets: int = 32
    """Of these, the ones whose nested bound is taken."""

    def __post_init__(self) -> None:
        require_at_least(
            self,
            image_size=2,
            set_size=2,
            neighbour_sets=10,
            test_sets=SHOWN_SETS,
            likelihood_sets=1,
        )
        if self.likelihood_sets > self.test_sets:
            raise InputError(f"likelihood_sets must be at most test_sets, {self.test_sets}")
