"""Writes scores and report of a run whose model has a bound."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cal_jax.cli import program
from cal_jax.config import flatten
from cal_jax.data.sources import Evaluation
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import Score
from cal_jax.training.config import Trained
from experiments.common.figures import Figure
from experiments.common.oracle_evaluator import OracleEvaluator, about_images
from experiments.results.publish import Targets, bound_note, plain, publish, run_of


class ReportInputs(NamedTuple):
    """What differs from one kind of run to another."""

    experiment: str
    """Its name in records."""
    title: str
    """Of its page."""
    intro: str
    scores: Mapping[str, Score]
    terms: Any
    """Of the trained model's bound, nats per item."""
    untrained_elbo: float
    """That of the same model before training, nats per item."""
    figures: Sequence[Figure]
    details: Mapping[str, Any] = {}
    """What else was measured: for the record alone."""
    targets: Targets | None = None
    thesis: Mapping[str, str] = {}
    """What the thesis says of a score."""


def publish_bound(
    found: ReportInputs,
    request: program.Request,
    folder: RunFolder,
    trained: Trained,
    *,
    data: Mapping[str, Any],
    notes: Sequence[str],
    oracle: Mapping[str, Any] | None = None,
    since: float,
) -> None:
    """Write ``scores.json`` and ``report.html`` of a run with a bound, and print the summary.

    Args:
      found: of the model.
      request: what was asked for.
      folder: of the run.
      trained: what training left.
      data: what the record says of the data.
      notes: what must be read with the scores.
      oracle: that read the scores, if one did.
      since: when evaluation started, as ``time.monotonic`` has it.
    """
    publish(
        folder.path,
        run_of(
            request,
            trained,
            since,
            experiment=found.experiment,
            oracle=oracle,
            data=data,
            scores=found.scores,
            thesis=found.thesis,
            details={
                "bound_per_item": plain(found.terms),
                "untrained_elbo_per_item": found.untrained_elbo,
                **found.details,
            },
        ),
        title=found.title,
        intro=found.intro,
        notes=notes,
        config=flatten(request.config),
        figures=found.figures,
        targets=found.targets,
    )


def publish_report(
    found: ReportInputs,
    request: program.Request,
    folder: RunFolder,
    trained: Trained,
    judge: OracleEvaluator,
    images: Evaluation,
    *,
    since: float,
) -> None:
    """``publish_bound`` of a run on sets of digit images.

    Args:
      found: of the model; the name of the images is added to its title, and its targets count
        on MNIST alone.
      request, folder, trained, since: as there.
      judge: that read the scores.
      images: that the model was evaluated on.
    """
    note = bound_note(
        float(found.terms.elbo),
        found.untrained_elbo,
        request.config.binarisation,
        images.evaluated_on,
    )
    publish_bound(
        found._replace(
            title=f"{found.title} {images.name}",
            targets=found.targets if images.name == "mnist" else None,
        ),
        request,
        folder,
        trained,
        data=about_images(request, images),
        notes=[note],
        oracle=judge.about_oracle(),
        since=since,
    )
