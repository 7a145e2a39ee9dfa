"""Runs of any experiment: run folders, training, resuming and stopping."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from cal_jax.cli.processes import is_first
from cal_jax.cli.program import Request, each_seed
from cal_jax.config import flatten
from cal_jax.data.sources import Evaluation, load_for_evaluation
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.training.config import Objective, Trained
from cal_jax.training.fit import fit, open_folder
from cal_jax.training.multihost import together
from cal_jax.training.parallel import choose_devices

TEST_SEED = 20_170_817
"""Of what test data draw at random: the same for every run."""

EVALUATION = 2**31
"""Folded into a run's key for its evaluation; above any step."""


class Fit(NamedTuple):
    """What an experiment trains on what."""

    model: nn.Module
    objective: Objective | Callable[..., Any] | None
    """See ``training.fit.fit``."""
    sets: Callable[[int], Any]
    """Of each seed: see the data of ``training.fit.fit``."""


class SeedRun(NamedTuple):
    """The run of one seed of a command."""

    request: Request
    """As if this seed had been asked for alone."""
    folder: RunFolder


def images_of(request: Request, size: int) -> Evaluation:
    """The images that a command asks for, of so many pixels a side.

    Raises:
      InputError: see ``data.sources.load_for_evaluation``.
    """
    return load_for_evaluation(
        request.data_dir, size=size, download=request.download, held_back=request.held_back
    )


@contextlib.contextmanager
def open_runs(
    request: Request, experiment: str, data_name: str | None = None
) -> Iterator[list[SeedRun]]:
    """The run of each seed asked for, its folder locked while the block runs.

    A folder is ``--run-dir``, or a name under ``runs/`` that says what it is of;
    of several seeds, ``seed<SEED>`` inside ``--run-dir``.

    Raises:
      InputError: a folder that cannot be used, or more devices than there are.
    """
    together(lambda: choose_devices(request.devices))
    parts = [experiment, request.preset, data_name, "held-back" if request.held_back else None]
    with contextlib.ExitStack() as stack:
        runs = []
        for one in each_seed(request):
            name = f"seed{one.seed}"
            path = Path("runs") / "-".join([*filter(None, parts), name])
            if request.run_dir is not None:
                path = request.run_dir / name if request.seeds > 1 else request.run_dir
            runs.append(SeedRun(one, stack.enter_context(open_folder(path))))
        yield runs


@contextlib.contextmanager
def open_within(runs: Sequence[SeedRun], name: str) -> Iterator[list[SeedRun]]:
    """The same runs, each in the folder ``name`` inside its own: for one model of several.

    Raises:
      InputError: a folder that cannot be used.
    """
    with contextlib.ExitStack() as stack:
        yield [
            run._replace(folder=stack.enter_context(open_folder(run.folder.path / name)))
            for run in runs
        ]


def train_and_evaluate(
    request: Request,
    experiment: str,
    images: Evaluation,
    what: Fit,
    evaluate: Callable[[Request, RunFolder, Trained], None],
    *,
    keep_midpoint: bool = False,
) -> None:
    """Train (or resume) the model of each seed asked for; process 0 evaluates each.

    Args:
      request: what was asked for.
      experiment: its name, in its records.
      images: that it is trained on; their digest is part of a run's identity.
      what: is trained on what.
      evaluate: ``(request of one seed, its folder, its model)``; writes into the folder.
      keep_midpoint: see ``training.fit.fit``.

    Raises:
      InputError, NotFiniteError, SystemExit: see ``open_runs`` and ``fit_runs``.
    """
    with open_runs(request, experiment, images.name) as runs:
        trained = fit_runs(runs, what, keep_midpoint=keep_midpoint, images=images.digest)
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, of_seed)


def evaluation_key(seed: int) -> jax.Array:
    """The key of a run's evaluation, which no step of any run's training has."""
    return jax.random.fold_in(jax.random.key(seed), EVALUATION)


def run_identity(request: Request, **more: Any) -> dict[str, Any]:
    """What decides a run, flat: its config, its seed, and what else its experiment names."""
    return {**flatten(replace(request.config, summary="")), "seed": request.seed, **more}


def fit_runs(
    runs: Sequence[SeedRun], what: Fit, *, keep_midpoint: bool = False, **identity: Any
) -> list[Trained]:
    """Train one model of each seed, or resume it, in its open folder.

    Args:
      runs: of each seed; their configs and seeds are part of their identity.
      what: is trained on what.
      keep_midpoint: see ``training.fit.fit``.
      identity: what else decides the runs, as the images' digest: a checkpoint
        of another one is refused.

    Raises:
      InputError, NotFiniteError, SystemExit: see ``training.fit.fit``.
    """
    asked = runs[0].request
    found = fit(
        what.model,
        what.sets,
        objective=what.objective,
        seed=[run.request.seed for run in runs],
        run_dir=[run.folder for run in runs],
        config=asked.config.training,
        identity=[run_identity(run.request, **identity) for run in runs],
        devices=asked.devices,
        from_scratch=asked.from_scratch,
        keep_midpoint=keep_midpoint,
        revision=asked.revision,
        remat=asked.remat,
    )
    return [one.training if isinstance(one, TrainedLearner) else one for one in found]
