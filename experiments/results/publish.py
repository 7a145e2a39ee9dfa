"""Publishes a finished run: scores.json, an HTML page, and a summary on stdout."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.data.binarise import EXPLANATIONS
from cal_jax.io.provenance import device_description, versions
from cal_jax.metrics.scores import Score, shown, shown_unit
from cal_jax.training.config import Trained
from experiments.common.figures import Figure
from experiments.results.record import score_fields, write_run
from experiments.results.report import write_report


class Run(NamedTuple):
    """One finished run; see ``experiments.results.record`` for the fields of the record."""

    experiment: str
    preset: str
    command: str
    revision: str | None
    """Of the source that trained the model."""
    seed: int
    seconds: float
    data: Mapping[str, Any]
    scores: Mapping[str, Score]
    oracle: Mapping[str, Any] | None = None
    """The digest and accuracy of the classifier that read the scores, if one did."""
    thesis: Mapping[str, str] = {}
    """What the thesis says of a score, by name, where it says anything."""
    details: Mapping[str, Any] = {}
    """What else was measured: kept in the record, not in the tables."""


def run_of(
    request: program.Request, trained: Trained, started: float, *, experiment: str, **measured: Any
) -> Run:
    """The run of one trained model.

    Args:
      request: what was asked for.
      trained: its revision and seconds are the run's.
      started: ``time.monotonic()`` when evaluation began, which counts too.
      experiment: its name.
      measured: ``data``, ``scores`` and the optional fields of ``Run``.
    """
    return Run(
        experiment=experiment,
        preset=request.preset,
        command=request.command,
        revision=trained.revision,
        seed=request.seed,
        seconds=trained.seconds + time.monotonic() - started,
        **measured,
    )


Targets = Mapping[str, float]
"""Targets of scores, by their names."""


def targets_of(request: program.Request, by_preset: Mapping[str, Targets]) -> Targets | None:
    """What is asked of a run's scores, by its preset.

    None where nothing is, where flags made another of the preset, and where images were
    held back to choose between configs.
    """
    if not request.as_preset or request.held_back:
        return None
    return by_preset.get(request.preset)


def publish(
    folder: Path,
    run: Run,
    *,
    title: str,
    intro: str,
    notes: Sequence[str] = (),
    config: Mapping[str, Any],
    figures: Sequence[Figure],
    targets: Targets | None,
) -> None:
    """Write ``scores.json`` and ``report.html``, and print the summary.

    Args:
      folder: the run's.
      run: what it measured.
      title: of the page, which adds the preset and the seed.
      intro: of the page.
      notes: what must be read with the scores: on the page and in the summary.
      config: flat, for the page.
      figures: with captions.
      targets: scores to reach, for the page; None leaves the column out.
    """
    record = record_of(run)
    write_run(folder, record)
    shown_fields = ("device", "seconds", "versions", "oracle", "data")
    report = write_report(
        folder / "report.html",
        title=f"{title}, preset {run.preset}, seed {run.seed}",
        command=run.command,
        intro=[intro, *notes],
        scores=run.scores,
        figures=figures,
        config=config,
        provenance={name: record[name] for name in shown_fields if record[name] is not None},
        targets=targets,
    )
    print(summary(run, record["device"], notes))
    print(f"report: {report}")


def record_of(run: Run) -> dict[str, Any]:
    """What ``scores.json`` says of a run, and of where it was measured."""
    return {
        **run._asdict(),
        "device": device_description(),
        "versions": versions(),
        "scores": score_fields(run.scores),
    }


def summary(run: Run, device: str, notes: Sequence[str] = ()) -> str:
    """The scores beside their ceilings, the notes, the oracle and the time."""
    width = max(30, *(len(name) + 2 for name in run.scores))
    lines = [f"{'score':{width}}{'value':>10}{'ceiling':>10}"]
    for name, score in run.scores.items():
        value, ceiling = shown(score.value, score.unit), shown(score.ceiling, score.unit)
        lines.append(f"{name:{width}}{value:>10}{ceiling:>10}  {shown_unit(score.unit)}")
    oracle = f"oracle {run.oracle['digest'][:12]}; " if run.oracle else ""
    return "\n".join([*lines, "", *notes, f"{oracle}{run.seconds:.0f} s on {device}"])


def plain(terms: Any) -> dict[str, Any]:
    """A NamedTuple of arrays as numbers and lists, for a record."""
    return {name: np.asarray(value).tolist() for name, value in terms._asdict().items()}


def bound_note(elbo: float, untrained: float, binarisation: str, evaluated_on: str) -> str:
    """A bound with what makes it comparable: the images, the binarisation, an untrained model's."""
    return (
        f"The bound is {elbo:.2f} nats per item on {evaluated_on}, {binarisation} binarisation "
        f"({EXPLANATIONS[binarisation]}); an untrained model's is {untrained:.2f}."
    )
