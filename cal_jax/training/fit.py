"""``fit``: training of any model on any data."""

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, overload

import jax
import numpy as np

from cal_jax.config import flatten
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.sets import DataSet
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Model
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training import checkpoints, midpoint_checkpoint
from cal_jax.training.config import Objective, SeedTask, Trained, TrainingConfig
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.multihost import on_first
from cal_jax.training.parallel import choose_devices
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.signals import StopSignal
from cal_jax.training.source import SetSource, set_source
from cal_jax.training.task import objective_of, task_of
from cal_jax.training.train import train

LEARNER = TrainingConfig(
    steps=5_000,
    batch_size=16,
    learning_rate=2e-3,
    schedule="cosine",
    alpha=0.0,
    chunk_steps=50,
)
"""Of a context-aware learner where no config is given."""

RunDir = str | Path | RunFolder
Identity = Mapping[str, Any]


@overload
def fit(
    model: ContextAwareLearner, data: Any, *, seed: int = 0, **options: Any
) -> TrainedLearner: ...


@overload
def fit(model: Model, data: Any, *, seed: int = 0, **options: Any) -> Trained: ...


@overload
def fit(model: Model, data: Any, *, seed: Sequence[int], **options: Any) -> list[Any]: ...


def fit(  # type: ignore[misc]  # the options of the overloads are those named here
    model: Model,
    data: Any,
    *,
    objective: Objective | Callable[..., Any] | None = None,
    steps: int | None = None,
    seed: int | Sequence[int] = 0,
    run_dir: RunDir | Sequence[RunDir] | None = None,
    config: TrainingConfig | None = None,
    identity: Identity | Sequence[Identity] | None = None,
    devices: int | None = None,
    from_scratch: bool = False,
    keep_midpoint: bool = False,
    revision: str | None = None,
    remat: bool = False,
) -> Trained | TrainedLearner | list[Trained | TrainedLearner]:
    """Train a model on data sets, or resume from its run folder.

    It reports progress on stderr. With a folder, it writes metrics and checkpoints; SIGTERM and
    Ctrl-C save and exit, and the same call resumes, bit for bit. Without a folder, everything
    stays in memory.

    Args:
      model: a Flax module with ``generative(ctx)`` and ``inference(ctx)``, or a ``PureModel``
        of any other library.
      data: a ``FactorDataset``, whose sets are drawn at every step, or ``FactorSets`` with
        options; x [M, N, *X]; (x, constant_mask [M, K]); DataSet((x, constant_mask), mask
        [M, N]) with padded items; any ``SetSource``; or a function from the seed to one of these.
        For a ``VAE``, x [M, *X].
      objective: a pure objective ``(key, generative, inference, x, *labels)`` of one data set,
        or an ``Objective`` with more options; None: the ELBO of a model of the library, for a
        context-aware learner with a cross-set contrastive loss (``training.recipes``).
      steps: in all; None: ``config.steps``.
      seed: of the initial variables, the noise and the order of the data sets. Several are
        trained together, as one program.
      run_dir: the folder that the run writes and resumes; of several seeds, ``seed<SEED>``
        inside it, or one for each.
      config: how the model is optimised; None: the defaults, with batches of at most M sets.
      identity: flat fields that determine a run; a folder with others is refused. Of seeds,
        one for each. None: the config, the seed, the model's config and the data's digest.
      devices: how many of each process; None: all.
      from_scratch: set the folder's checkpoints aside and start again.
      keep_midpoint: for ``training.midpoint_checkpoint.midpoint_variables``.
      revision: of the source, kept with the checkpoints of a run that starts now.
      remat: recompute what a gradient needs, to save memory.

    Returns:
      Trained; for a context-aware learner a ``TrainedLearner`` with it as ``training``. For
      several seeds, a list.

    Raises:
      InputError: data of the wrong shape or outside the likelihood's support, a folder of
        another run, a batch that does not divide over the devices.
      NotFiniteError: the loss became NaN or infinite; the last checkpoint stands.
      SystemExit: a signal asked for a stop; the folder holds the state.
    """
    seeds = [seed] if isinstance(seed, int) else list(seed)
    chosen = choose_devices(devices)
    sources = [set_source(data(one) if callable(data) else data, model) for one in seeds]
    config = _config(model, config, steps, sources)
    whole = objective_of(model, objective, config.steps)
    with contextlib.ExitStack() as stack:
        folders = _folders(run_dir, seeds, stack)
        if from_scratch:
            _set_aside(folders)
        runs = [
            SeedTask(folder, one, task_of(model, source, whole, one), own, [])
            for folder, one, source, own in zip(
                folders,
                seeds,
                sources,
                _identities(identity, seeds, model, sources, config),
                strict=True,
            )
        ]
        stop = StopSignal()
        if folders[0] is not None:
            stack.enter_context(stop)

        def train_until(step: int | None = None) -> list[Trained]:
            return train(
                runs, config, devices=chosen, stop=stop, until=step, revision=revision, remat=remat
            )

        if keep_midpoint:
            middle = train_until(midpoint_checkpoint.midpoint_step(config))
            midpoint_checkpoint.keep_midpoint(runs, config, middle)
        trained = [_as_learner(model, one, data) for one in train_until()]
    return trained[0] if isinstance(seed, int) else trained


def _as_learner(model: Model, trained: Trained, data: Any) -> Trained | TrainedLearner:
    """A ``TrainedLearner`` for a context-aware learner; otherwise ``Trained``."""
    if not isinstance(model, ContextAwareLearner):
        return trained
    return TrainedLearner(model, trained.variables, _set_size(data, model), training=trained)


def _set_size(data: Any, model: ContextAwareLearner) -> int:
    """N of the largest training set, or 10 if it is unknown without drawing."""
    if isinstance(data, FactorDataset):
        data = FactorSets(data)
    if isinstance(data, FactorSets):
        return data.largest(model.config.names)
    x = data.data[0] if isinstance(data, DataSet) else data[0] if isinstance(data, tuple) else data
    return x.shape[1] if hasattr(x, "shape") and len(x.shape) > 1 else 10


def _config(
    model: Model, config: TrainingConfig | None, steps: int | None, sources: Sequence[SetSource]
) -> TrainingConfig:
    if config is None:
        smallest = min(source.num_sets for source in sources)
        config = LEARNER if isinstance(model, ContextAwareLearner) else TrainingConfig()
        config = replace(config, batch_size=min(config.batch_size, smallest))
    return config if steps is None else replace(config, steps=steps)


def _folders(
    run_dir: RunDir | Sequence[RunDir] | None, seeds: Sequence[int], stack: contextlib.ExitStack
) -> list[RunFolder | None]:
    """The folder of each seed, opened within the stack unless already open."""
    if run_dir is None:
        return [None] * len(seeds)
    if isinstance(run_dir, str | Path | RunFolder):
        of_seeds: Sequence[RunDir] = [run_dir]
        if len(seeds) > 1:
            path = run_dir.path if isinstance(run_dir, RunFolder) else Path(run_dir)
            of_seeds = [path / f"seed{seed}" for seed in seeds]
    else:
        of_seeds = run_dir
    if len(of_seeds) != len(seeds):
        raise InputError(f"run_dir: {len(of_seeds)} folders; accepted: {len(seeds)}, one a seed")
    return [
        folder if isinstance(folder, RunFolder) else stack.enter_context(open_folder(Path(folder)))
        for folder in of_seeds
    ]


def open_folder(path: Path) -> RunFolder:
    """A run's folder, created and locked by the process that writes it.

    Raises:
      InputError: an unusable folder.
    """
    return on_first(lambda: RunFolder.create_or_open(path)) or RunFolder(path)


def _set_aside(folders: Sequence[RunFolder | None]) -> None:
    def each() -> None:
        for folder in folders:
            for name in (CHECKPOINTS, midpoint_checkpoint.MIDPOINT):
                if folder is not None:
                    checkpoints.set_aside(folder.resolve(name))

    on_first(each)


def _identities(
    identity: Identity | Sequence[Identity] | None,
    seeds: Sequence[int],
    model: Model,
    sources: Sequence[SetSource],
    config: TrainingConfig,
) -> list[dict[str, Any]]:
    if isinstance(identity, Mapping):
        return [{**identity, "seed": seed} for seed in seeds]
    if identity is not None:
        return [dict(one) for one in identity]
    own = getattr(model, "config", None)
    about = {"model": type(model).__name__}
    about |= {f"training.{name}": value for name, value in flatten(config).items()}
    if is_dataclass(own):
        about |= {f"model.{name}": value for name, value in flatten(own).items()}
    return [
        {**about, "seed": seed, "data": _digest(source.data)}
        for seed, source in zip(seeds, sources, strict=True)
    ]


def _digest(data: Any) -> str:
    """The digest of a source's arrays."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(data):
        array = np.asarray(leaf)
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]
