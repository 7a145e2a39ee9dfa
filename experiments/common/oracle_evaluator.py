"""What judges a run on sets of digit images: real test sets, and the oracle that reads them."""

import functools
from typing import Any, NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.evaluation.oracle import storage as oracle_file
from cal_jax.evaluation.oracle.factors import factor_oracle
from cal_jax.evaluation.oracle.train import Oracle, accuracy, predict
from cal_jax.io.run_folder import RunFolder
from experiments.common.image_sets import (
    DrawSets,
    evaluation_dataset,
    evaluation_sets,
    real_sets,
)


class OracleEvaluator(NamedTuple):
    """The same for every run of an experiment's factors and images."""

    oracle: Oracle | None
    """None where nothing that is generated is read."""
    real: Real
    """Sets of every label that is scored."""
    mixed: RealSets
    """Sets in training's mix of labels."""
    labels: np.ndarray
    """Theirs, [M, K]."""
    draw_sets: DrawSets
    """Further sets of the same images."""

    def read(self, images: np.ndarray) -> np.ndarray:
        """The oracle's labels int [..., F] of images [..., H, W]."""
        assert self.oracle is not None
        return predict(self.oracle, images)

    def about_oracle(self) -> dict[str, Any] | None:
        """The oracle's digest and accuracy, for a run's record; None without one."""
        if self.oracle is None:
            return None
        every = self.real.all_constant
        return {
            "digest": oracle_file.digest(self.oracle),
            "accuracy": accuracy(self.oracle, every.x, every.factors),
        }


def oracle_evaluator_of(
    request: program.Request, folder: RunFolder, images: Evaluation, *, reads: bool = True
) -> OracleEvaluator:
    """The judge of a run; the oracle is trained once for its images, and kept.

    Args:
      request: with the run's config.
      folder: of the run: oracles are kept beside it, unless the request says where.
      images: the oracle is trained on those to train on, sets are made of the others.
      reads: whether an oracle reads anything, and is needed.

    Raises:
      InputError: see ``evaluation.oracle.cache.stored_oracle``.
    """
    config = request.config
    oracle = None
    if reads:
        oracle = factor_oracle(
            request.oracle_dir or folder.path.parent / "oracles",
            config.factors,
            images.train,
            config.oracle,
            config.binarisation,
        )
    dataset = evaluation_dataset(config, images.evaluated)
    draw_sets = functools.partial(evaluation_sets, config, dataset)
    mixed, labels = draw_sets(config.mix)
    return OracleEvaluator(
        oracle, real_sets(draw_sets, len(config.factors.names)), mixed, labels, draw_sets
    )


def about_images(request: program.Request, images: Evaluation) -> dict[str, Any]:
    """What a run's record says of its data."""
    config = request.config
    return images.about(config.image_size) | {"binarisation": config.binarisation}
