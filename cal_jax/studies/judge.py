"""What judges a run on sets of digit images: real test sets, and the oracle that reads them."""

import functools
from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.binarise import fixed_binary
from cal_jax.data.sources import Evaluation
from cal_jax.edge import cli
from cal_jax.edge.run_folder import RunFolder
from cal_jax.evaluation import oracle_file
from cal_jax.evaluation.factor_oracle import factor_oracle
from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.evaluation.oracle import Oracle, accuracy, predict
from cal_jax.studies.experiment import TEST_SEED
from cal_jax.studies.image_sets import DrawSets, evaluation_sets, real_sets


class Judge(NamedTuple):
    """The same for every run of an experiment's factors and images."""

    oracle: Oracle
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
        return predict(self.oracle, images)

    def about_oracle(self) -> dict[str, Any]:
        """The oracle's digest and accuracy, for a run's record."""
        every = self.real.all_constant
        return {
            "digest": oracle_file.digest(self.oracle),
            "accuracy": accuracy(self.oracle, every.x, every.factors),
        }


def judge_of(request: cli.Request, folder: RunFolder, images: Evaluation) -> Judge:
    """The judge of a run; the oracle is trained once for its images, and kept.

    Args:
      request: with the run's config.
      folder: of the run: oracles are kept beside it, unless the request says where.
      images: the oracle is trained on those to train on, sets are made of the others.

    Raises:
      InputError: see ``evaluation.oracle_store.stored_oracle``.
    """
    config = request.config
    factors = config.factors
    oracle = factor_oracle(
        request.oracle_dir or folder.path.parent / "oracles",
        factors,
        images.train,
        config.oracle,
        config.binarisation,
    )
    pixels = fixed_binary(factors.turned(images.evaluated.images), config.binarisation, TEST_SEED)
    draw_sets = functools.partial(evaluation_sets, config, pixels, images.evaluated.labels)
    mixed, labels = draw_sets(config.mix)
    return Judge(oracle, real_sets(draw_sets, len(factors.names)), mixed, labels, draw_sets)


def about_images(request: cli.Request, images: Evaluation) -> dict[str, Any]:
    """What a run's record says of its data."""
    config = request.config
    return images.about(config.model.image_size) | {"binarisation": config.binarisation}
