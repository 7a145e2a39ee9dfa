"""What the programs of the twins share: flags, the loop over steps, and the JSON."""

import argparse
import collections
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import publish as write_record
from cal_jax.errors import InputError, NotFiniteError
from cal_jax.progress import Progress
from cal_jax.provenance import device_description, source_revision, versions
from cal_jax.training.batches import batch_rows, steps_per_epoch

SHOWN_STEPS = 50
SKIPS = 20
NOT_SHOWN = ("data_dir", "out", "revision")
"""Of the flags in the JSON: local paths, and what stands there by itself."""


def parser(description: str | None, *, epochs: int, batch_size: int) -> argparse.ArgumentParser:
    """The flags of every twin."""
    flags = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--epochs", type=int, default=epochs)
    flags.add_argument("--steps", type=int, help="stop after so many, whatever --epochs says")
    flags.add_argument("--batch-size", type=int, default=batch_size)
    flags.add_argument("--seed", type=int, default=0, help="of everything random")
    flags.add_argument("--threads", type=int, help="of PyTorch (default: its own choice)")
    flags.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there too")
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
    scores: dict[str, float],
    unit: str,
    training: dict[str, float],
    **more: Any,
) -> None:
    """Print one JSON object with the flags, the device and the versions; write it to ``--out``.

    A value that is not finite, as by running averages of a few steps, is null.
    """
    record = {
        "flags": {name: value for name, value in vars(flags).items() if name not in NOT_SHOWN},
        "scores": _without_nan(scores),
        "unit": unit,
        "training": _without_nan(training),
        **more,
        "revision": flags.revision,
        "device": device_description(),
        "threads": torch.get_num_threads(),
        "versions": {**versions(), "torch": str(torch.__version__)},
    }
    write_record(record, flags.out)


def _without_nan(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
