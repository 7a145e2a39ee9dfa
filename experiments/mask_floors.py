"""Floors of inferred masks: clusters of sets by simple statistics, where nothing is learned.

    python -m experiments.mask_floors --preset cpu --data-dir DIR

For the tasks of ``experiments.unsupervised``: a mixture of Gaussians, one for each mask, is fitted
to statistics of training sets, whose masks it is not told, and names those of test sets, every
mask equally often. The clusters are matched to the masks so that most are right. A task that a
floor solves says nothing of a method.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, require_at_least
from cal_jax.data.images import LabelledImages, of_classes
from cal_jax.data.mask_mix import Mix
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.generation_scores import RealSets
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.labels import rows_of
from cal_jax.metrics.scores import FRACTION, Score
from experiments.common.image_sets import evaluation_dataset, evaluation_sets
from experiments.common.image_sets_config import SMALL_IMAGE, require_binarisation
from experiments.common.run import images_of, open_runs, run_identity
from experiments.common.set_statistics import matched_accuracy, mixture_masks, spread, statistics
from experiments.results.publish import Run, publish
from experiments.unsupervised import PRESETS as STUDY
from experiments.unsupervised import with_task
from experiments.unsupervised.config import TASKS, UnsupervisedConfig

NAME = "mask_floors"
FLOORS = {"spread": spread, "statistics": statistics}
SCORED = ("bw01", "bw", "bw_subsets", "rotated", "rotated_3to1", "rotated_9to1")


@dataclass(frozen=True)
class FloorConfig:
    """Everything that decides the floors but the seed, of EM's initialisations, and the images."""

    summary: str
    image_size: int = 28
    """H = W."""
    binarisation: str = "static"
    """static, dynamic or threshold."""
    set_size: int = 10
    """Items of a set."""
    train_sets: int = 2_000
    """Sets to which a mixture is fitted, in the task's mix."""
    test_sets: int = 2_000
    """Sets whose mask is named."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, train_sets=10, test_sets=10)
        require_binarisation(self.binarisation)


PRESETS = {
    "smoke": FloorConfig(
        summary="seconds, for tests", image_size=SMALL_IMAGE, train_sets=60, test_sets=40
    ),
    "cpu": FloorConfig(summary="a minute on a core, for MNIST"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    description = __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            f"experiments.{NAME}", description, PRESETS, arguments, oracle=False
        ),
        run,
    )


def run(request: program.Request) -> None:
    """The floors of each seed."""
    program.require_packages("jinja2", "sklearn")
    images = images_of(request, request.config.image_size)
    with open_runs(request, NAME, images.name) as runs:
        if is_first():
            for one, folder in runs:
                measure(one, folder, images)


def measure(request: program.Request, folder: RunFolder, images: Evaluation) -> None:
    """Write config.json, scores.json and the report of one seed."""
    config, started = request.config, time.monotonic()
    folder.write_json(CONFIG_FILE, run_identity(request, images=images.digest))
    scores: dict[str, Score] = {}
    for task in SCORED:
        scores |= floors_of(task, config, images, request.seed)
    publish(
        folder.path,
        Run(
            experiment=NAME,
            preset=request.preset,
            command=request.command,
            revision=request.revision,
            seed=request.seed,
            seconds=time.monotonic() - started,
            data=images.about(config.image_size) | {"binarisation": config.binarisation},
            scores=scores,
        ),
        title=f"Floors of inferred masks, {images.name}",
        intro="Masks of sets by a mixture of Gaussians of simple statistics: nothing is learned.",
        config=flatten(config),
        figures=[],
        targets=None,
    )


def floors_of(task: str, config: FloorConfig, images: Evaluation, seed: int) -> dict[str, Score]:
    """``<task>_<floor>``, and ``<task>_chance``: one mask for every set."""
    sizes = (config.train_sets, config.test_sets)
    fitted, scored = (
        replace(
            with_task(STUDY["smoke"], task),
            image_size=config.image_size,
            binarisation=config.binarisation,
            set_size=config.set_size,
            test_sets=count,
        )
        for count in sizes
    )
    support, classes = scored.support, TASKS[task].classes
    train, _ = sets_of(fitted, of_classes(images.train, classes), fitted.mix, seed)
    test, masks = sets_of(scored, of_classes(images.evaluated, classes), scored.even_mix)
    truth, scores = rows_of(masks, support), {}
    for name, measure in FLOORS.items():
        found = mixture_masks(train.x, test.x, len(support), seed, measure)
        right = matched_accuracy(found, truth, len(support))
        scores[f"{task}_{name}"] = Score(right, 1.0, FRACTION)
    scores[f"{task}_chance"] = Score(1.0 / len(support), None, FRACTION)
    return scores


def sets_of(
    config: UnsupervisedConfig, images: LabelledImages, mix: Mix, *seed: int
) -> tuple[RealSets, np.ndarray]:
    """Sets of images in a mix of masks, and their masks [M, K]."""
    return evaluation_sets(config, evaluation_dataset(config, images), mix, seed)


if __name__ == "__main__":
    sys.exit(main())
