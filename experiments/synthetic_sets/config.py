"""Configuration of runs on sets of numbers (thesis 5.3.1)."""

from dataclasses import dataclass, field

from cal_jax.config import require_at_least
from cal_jax.data.synthetic import GENERATORS, Generator
from cal_jax.errors import InputError
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.training.config import TrainingConfig
from experiments.common.run import TEST_SEED


@dataclass(frozen=True)
class SyntheticConfig:
    """Everything that decides a run but the seed."""

    summary: str
    model: NeuralStatisticianConfig = field(default_factory=NeuralStatisticianConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=31_250,
            batch_size=16,
            learning_rate=1e-3,
            kl_power=1,
            clip=0.5,
            chunk_steps=125,
        )
    )
    """50 epochs of 10,000 data sets in batches of 16."""
    generator: Generator = "population"
    """population (decision 33) or author, the thesis author's public code."""
    num_sets: int = 10_000
    set_size: int = 200
    test_sets: int = 1_000
    test_seed: int = TEST_SEED
    """Choose between configs with another one: test sets of this seed are for publishing."""
    likelihood_sets: int = 100
    """Test sets whose nested bound is taken."""
    sizes: tuple[int, ...] = (5, 10, 20, 50, 100, 200, 500, 1_000)
    """Of the curve of scores against set size."""

    def __post_init__(self) -> None:
        if self.generator not in GENERATORS:
            raise InputError(
                f"generator must be one of {', '.join(GENERATORS)}: got {self.generator!r}"
            )
        require_at_least(
            self,
            test_seed=0,
            num_sets=10,
            set_size=2,
            test_sets=10,
            likelihood_sets=1,
        )
        if self.likelihood_sets > self.test_sets:
            raise InputError(f"likelihood_sets must be at most test_sets, {self.test_sets}")
        if not self.sizes or min(self.sizes) < 1:
            raise InputError(f"sizes must be one or more of at least 1: got {self.sizes}")
