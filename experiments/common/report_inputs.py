"""Writes scores and report for any chapter-6 run."""

import time
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
from experiments.results.publish import Run, Targets, bound_note, plain, publish


class ReportInputs(NamedTuple):
    """What differs from one kind of run to another."""

    experiment: str
    """Its name in records."""
    title: str
    """Of its page, before the name of the images."""
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
    """On MNIST."""
    thesis: Mapping[str, str] = {}
    """What the thesis says of a score."""


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
    """Write ``scores.json`` and ``report.html`` of a run, and print the summary.

    Args:
      found: of the model.
      request: what was asked for.
      folder: of the run.
      trained: what training left.
      judge: that read the scores.
      images: that the model was evaluated on.
      since: when evaluation started, as ``time.monotonic`` has it.
    """
    binarisation = request.config.binarisation
    publish(
        folder.path,
        Run(
            experiment=found.experiment,
            preset=request.preset,
            command=request.command,
            revision=trained.revision,
            seed=request.seed,
            seconds=trained.seconds + time.monotonic() - since,
            oracle=judge.about_oracle(),
            data=about_images(request, images),
            scores=found.scores,
            thesis=found.thesis,
            details={
                "bound_per_item": plain(found.terms),
                "untrained_elbo_per_item": found.untrained_elbo,
                **found.details,
            },
        ),
        title=f"{found.title} {images.name}",
        intro=found.intro,
        notes=[
            bound_note(
                float(found.terms.elbo), found.untrained_elbo, binarisation, images.evaluated_on
            )
        ],
        config=flatten(request.config),
        figures=found.figures,
        targets=found.targets if images.name == "mnist" else None,
    )
