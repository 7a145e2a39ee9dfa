"""Shared parts of the twins' programs: flags, the loop over steps, and the record."""

import argparse
import collections
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import command
from cal_jax.cli.progress import Progress
from cal_jax.errors import InputError, NotFiniteError
from cal_jax.io.provenance import source_revision
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.scores import Score
from cal_jax.training.batches import batch_rows, steps_per_epoch
from experiments.results.publish import Run, record_of
from experiments.results.record import write_run

SHOWN_STEPS = 50
SKIPS = 20
NOT_SHOWN = ("data_dir", "run_dir", "revision", "experiment", "command")
"""Of the flags in the config: local paths, and what the record says by itself."""


def parser(
    experiment: str, description: str | None, *, epochs: int, batch_size: int
) -> argparse.ArgumentParser:
    """The flags of every twin."""
    flags = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{experiment}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.set_defaults(experiment=experiment)
    flags.add_argument("--epochs", type=int, default=epochs)
    flags.add_argument("--steps", type=int, help="stop after so many, whatever --epochs says")
    flags.add_argument("--batch-size", type=int, default=batch_size)
    flags.add_argument("--seed", type=int, default=0, help="of everything random")
    flags.add_argument("--threads", type=int, help="of PyTorch (default: its own choice)")
    flags.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="write scores.json and config.json there too"
    )
    return flags


def parsed(
    flags_of: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """The flags, and the command that repeats the run on any machine."""
    flags = flags_of.parse_args(arguments)
    but_the_seed = {name: value for name, value in vars(flags).items() if name != "seed"}
    words = command(flags_of, argparse.Namespace(**but_the_seed))
    flags.command = f"{words} --seed {flags.seed}"
    return flags


def start(flags: argparse.Namespace) -> None:
    """Seed PyTorch, set its threads, and note the source that runs.

    Raises:
        InputError: a number that is out of range.
    """
    least = {"epochs": 1, "steps": 1, "batch_size": 2, "seed": 0, "threads": 1}
    for name, smallest in least.items():
        value = getattr(flags, name)
        if value is not None and value < smallest:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} {value}; accepted: {smallest} or more")
    if flags.threads is not None:
        torch.set_num_threads(flags.threads)
    torch.manual_seed(flags.seed)
    flags.revision = source_revision()


def train(
    flags: argparse.Namespace, num_rows: int, step: Callable[[int, np.ndarray], float]
) -> dict[str, float]:
    """Take the steps that the flags ask for, on the rows that cal_jax's training sees.

    Args:
        flags: of ``parser``.
        num_rows: data sets or images to train on.
        step: (epochs finished, rows [B]) -> the bound before the step, nats per item;
            not finite where the step was skipped.

    Returns:
        Steps and how many of them were skipped, seconds in all, per step and per epoch,
        and the mean bound of the last ``SHOWN_STEPS``.

    Raises:
        InputError: a batch larger than ``num_rows``.
        NotFiniteError: ``SKIPS`` steps in a row were skipped.
    """
    per_epoch = steps_per_epoch(num_rows, flags.batch_size)
    steps = flags.steps or flags.epochs * per_epoch
    rows = batch_rows(flags.seed, num_rows, flags.batch_size, 0, steps)
    recent: collections.deque[float] = collections.deque(maxlen=SHOWN_STEPS)
    skipped = in_a_row = 0
    started = time.perf_counter()
    with Progress(steps, "training") as progress:
        for index, batch in enumerate(rows):
            elbo = step(index // per_epoch, batch)
            if math.isfinite(elbo):
                recent.append(elbo)
                in_a_row = 0
            else:
                skipped, in_a_row = skipped + 1, in_a_row + 1
            if in_a_row == SKIPS:
                raise NotFiniteError(f"{SKIPS} steps up to {index + 1} are not finite")
            progress.update(index + 1, {"elbo": statistics.fmean(recent)} if recent else None)
    seconds = time.perf_counter() - started
    per_step = seconds / steps
    return {
        "steps": steps,
        "skipped_steps": skipped,
        "seconds": seconds,
        "seconds_per_step": per_step,
        "seconds_per_epoch": per_step * per_epoch,
        "last_elbo": statistics.fmean(recent) if recent else math.nan,
    }


def publish(
    flags: argparse.Namespace,
    *,
    preset: str,
    scores: Mapping[str, Score],
    data: Mapping[str, Any],
    training: Mapping[str, float],
    **details: Any,
) -> None:
    """Print the record of a run, and write it with its config to ``--run-dir``.

    The record is one of those that ``experiments.results gather`` joins. A score or a time that
    is not finite, as by running averages of a few steps, is left out.
    """
    run = Run(
        experiment=flags.experiment,
        preset=preset,
        command=flags.command,
        revision=flags.revision,
        seed=flags.seed,
        seconds=training["seconds"],
        data=data,
        scores={name: score for name, score in scores.items() if math.isfinite(score.value)},
        details={
            "training": {name: time for name, time in training.items() if math.isfinite(time)},
            "threads": torch.get_num_threads(),
            **details,
        },
    )
    record = record_of(run)
    record["versions"] |= {"torch": str(torch.__version__)}
    print(json.dumps(record, indent=2, allow_nan=False))
    if flags.run_dir is not None:
        with RunFolder.create_or_open(flags.run_dir) as folder:
            config = {name: value for name, value in vars(flags).items() if name not in NOT_SHOWN}
            folder.write_json(CONFIG_FILE, config)
            write_run(folder.path, record)
