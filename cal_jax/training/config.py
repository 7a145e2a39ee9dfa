"""Types of a training run: its configuration, objective, task and result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import optax

from cal_jax.config import omit_default
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables
from cal_jax.io.run_folder import RunFolder
from cal_jax.objectives.weighting import Weights, weighted_objective
from cal_jax.training.parallel import ChunkForm
from cal_jax.training.step import BatchObjective, DataSet, independent_sets

Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of the optimisation; the defaults are thesis 6.4.1's."""

    steps: int = 62_500
    """100 epochs of 20,000 data sets in batches of 32."""
    batch_size: int = 32
    """Data sets in a step, over all devices."""
    learning_rate: float = 3e-4
    """Adam's."""
    schedule: Schedule = "constant"
    """constant, or cosine: from the learning rate to a fiftieth of it."""
    alpha: float = 1.0
    """(6.13): omega = 1 + alpha; 0 optimises the bound from the start."""
    alpha_half_life: float = 1.0
    """Epochs after which alpha has halved."""
    kl_power: int = 2
    """2 for the context-aware learner's criterion (6.13), 1 for the statistician's (5.14)."""
    free_bits: float = omit_default(0.0)
    """Nats of each KL of a data set (or an image), of each context or layer, that cost nothing."""
    clip: float | None = None
    """Gradients are clipped element-wise to [-clip, clip]; None: not at all."""
    samples: int = 1
    """Monte Carlo samples of each data set."""
    accumulate: int = omit_default(1)
    """Parts that a batch is taken in, one after the other, so that a larger one fits: it must
    divide the data sets of each device. Batch statistics are those of each part."""
    chunk_steps: int = 100
    """Steps between two looks at the metrics, the clock and the signals."""
    chunk_form: ChunkForm = "scan"
    """scan or calls: see ``benchmarks/chunk_form.py``."""
    checkpoint_seconds: float = 60.0
    """A checkpoint is due when this long has passed since the last."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "samples", "chunk_steps", "accumulate"):
            if getattr(self, name) < 1:
                raise InputError(f"training.{name} must be at least 1: got {getattr(self, name)}")
        if not self.free_bits >= 0:
            raise InputError(f"training.free_bits must be 0 or more: got {self.free_bits}")
        if self.batch_size % self.accumulate:
            raise InputError(
                f"training.accumulate must divide the batch of {self.batch_size}: "
                f"got {self.accumulate}"
            )
        if self.schedule not in get_args(Schedule):
            raise InputError(f"training.schedule must be constant or cosine: got {self.schedule!r}")
        if not self.learning_rate > 0 or not self.alpha_half_life > 0:
            raise InputError("training.learning_rate and alpha_half_life must be positive")
        if not self.alpha >= 0:
            raise InputError(f"training.alpha must be 0 or more: got {self.alpha}")
        if self.kl_power not in (1, 2):
            raise InputError(f"training.kl_power must be 1 or 2: got {self.kl_power}")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"training.clip must be positive, or None: got {self.clip}")


EACH_SET = independent_sets()
"""The mean over the samples of each set, which has nothing to do with the others."""


class Objective(NamedTuple):
    """An objective to maximise; its functions are pure."""

    bound: Callable[..., Any]
    """``(key, generative, inference, x, *labels, *at_step)`` of one data set, and ``mask=``
    where its items are padded -> a NamedTuple of terms with at least ``elbo``."""
    criterion: Callable[[Any, Weights], Any] = weighted_objective
    """See ``StepConfig.criterion``; ``unweighted`` for terms that have no parts."""
    batch_objective: BatchObjective = EACH_SET
    """See ``StepConfig.batch_objective``."""
    weights: Callable[[Any], Weights] | None = None
    """Steps taken -> weights of the terms; None: as ``TrainingConfig.alpha`` has them."""
    at_step: Callable[[Any], tuple[Any, ...]] = lambda _: ()
    """See ``StepConfig.at_step``."""
    of_sets: bool = True
    """See ``StepConfig.of_sets``."""


class Task(NamedTuple):
    """A model, its data and its objective, as made by ``training.task.task_of``; all pure."""

    init: Callable[[], Variables]
    mapped: Callable[..., tuple[Any, Any]]
    """See ``StepConfig.mapped``."""
    criterion: Callable[[Any, Weights], Any]
    draw: Callable[[Any, Any, Any], DataSet]
    data: Any
    """Arrays that ``draw`` reads; copied to every device once."""
    num_sets: int
    of_sets: bool = True
    """See ``StepConfig.of_sets``."""
    batch_objective: BatchObjective = independent_sets()
    """See ``StepConfig.batch_objective``."""
    weights: Callable[[Any], Weights] | None = None
    """Steps taken -> weights of the terms; None: as ``TrainingConfig.alpha`` has them."""
    at_step: Callable[[Any], tuple[Any, ...]] = lambda _: ()
    """See ``StepConfig.at_step``."""


class SeedTask(NamedTuple):
    """The run of one seed, of its parameters, noise and order of data sets."""

    folder: RunFolder | None
    """Where its metrics and checkpoints go; None: nothing is written, or resumed."""
    seed: int
    task: Task
    fingerprint: dict[str, Any]
    """Flat config, seed and data: a checkpoint with another one is refused."""
    records: list[dict[str, Any]] | None = None
    """Where the metrics of a run without a folder go; None: nowhere."""


class Trained(NamedTuple):
    """The result of a run, or of a part of it."""

    step: int
    """Where it stands."""
    variables: Variables
    initial_variables: Variables
    seconds: float
    """Of training, over all the sittings; of seeds trained together, each one's share."""
    revision: str | None
    """Of the source in the first sitting; None where it is unknown."""
    metrics: list[dict[str, Any]]
    """Of each chunk of steps: of a run without a folder, whose folder else has them."""
    memory: Any = ()
    """Of ``BatchObjective`` after the last step."""


def optimiser_of(config: TrainingConfig) -> optax.GradientTransformation:
    """Adam with the config's learning rate and schedule, after clipping."""
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = optax.cosine_decay_schedule(rate, config.steps, 0.02)
    adam = optax.adam(rate)
    return adam if config.clip is None else optax.chain(optax.clip(config.clip), adam)
