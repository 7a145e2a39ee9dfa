"""What a finished run says of itself: scores.json, the HTML page, and a summary on stdout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.data.binarise import EXPLANATIONS
from cal_jax.evaluation.run_record import score_fields, write_run
from cal_jax.evaluation.scores import Score, shown, shown_unit
from cal_jax.generation_figures import Figure
from cal_jax.provenance import device_description, versions
from cal_jax.report import write_report


class Run(NamedTuple):
    """One finished run; see ``evaluation.run_record`` for the fields of the record."""

    experiment: str
    preset: str
    command: str
    revision: str | None
    seed: int
    seconds: float
    oracle: Mapping[str, Any]
    data: Mapping[str, Any]
    bound_per_item: Mapping[str, Any]
    """The terms of the bound on the evaluation sets, nats per item."""
    untrained_elbo_per_item: float
    scores: Mapping[str, Score]


def publish(
    folder: Path,
    run: Run,
    *,
    title: str,
    intro: str,
    config: Mapping[str, Any],
    figures: Sequence[Figure],
    targets: Mapping[str, float] | None,
) -> None:
    """Write ``scores.json`` and ``report.html``, and print the summary.

    Args:
      folder: the run's.
      run: what it measured.
      title, intro: of the page.
      config: flat, for the page.
      figures: with captions.
      targets: scores to reach, for the page; None leaves the column out.
    """
    record = {
        **run._asdict(),
        "device": device_description(),
        "versions": versions(),
        "scores": score_fields(run.scores),
    }
    write_run(folder, record)
    report = write_report(
        folder / "report.html",
        title=title,
        command=run.command,
        intro=[intro, _bound(run)],
        scores=run.scores,
        figures=figures,
        config=config,
        provenance={
            name: record[name] for name in ("device", "seconds", "versions", "oracle", "data")
        },
        targets=targets,
    )
    print(summary(run, record["device"]))
    print(f"report: {report}")


def summary(run: Run, device: str) -> str:
    """The scores beside their ceilings, the bound, the oracle and the time."""
    lines = [f"{'score':30}{'value':>10}{'ceiling':>10}"]
    for name, score in run.scores.items():
        value, ceiling = shown(score.value, score.unit), shown(score.ceiling, score.unit)
        lines.append(f"{name:30}{value:>10}{ceiling:>10}  {shown_unit(score.unit)}")
    digest = run.oracle["digest"][:12]
    return "\n".join([*lines, "", _bound(run), f"oracle {digest}; {run.seconds:.0f} s on {device}"])


def _bound(run: Run) -> str:
    return (
        f"The bound is {run.scores['elbo_per_item'].value:.2f} nats per item "
        f"on {run.data['evaluated_on']}, {run.data['binarisation']} binarisation "
        f"({EXPLANATIONS[run.data['binarisation']]}); "
        f"an untrained model's is {run.untrained_elbo_per_item:.2f}."
    )
