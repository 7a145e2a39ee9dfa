"""What was found of a model of chapter 6, published: alike for every kind of run."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cal_jax.data.sources import Evaluation
from cal_jax.edge import cli
from cal_jax.edge.configuration import flatten
from cal_jax.edge.run_folder import RunFolder
from cal_jax.evaluation.scores import Score
from cal_jax.figures.generation import Figure
from cal_jax.results.publication import Run, Targets, bound_note, plain, publish
from cal_jax.studies.judge import Judge, about_images
from cal_jax.training.run import Trained


class Findings(NamedTuple):
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


def publish_findings(
    found: Findings,
    request: cli.Request,
    folder: RunFolder,
    trained: Trained,
    judge: Judge,
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
