"""Classification of images by contexts (Edwards & Storkey 2017, section 5.4).

Shape letters: E episodes, V classes, C dimensions of a context.
"""

import numpy as np

from cal_jax.errors import InputError
from cal_jax.evaluation.constant_posteriors import Moments, pairwise_kl
from cal_jax.metrics.scores import FRACTION, Score


def few_shot_accuracy(queries: Moments, classes: Moments) -> float:
    """The accuracy of assigning images to the class with the nearest context.

    In each episode every class has one set of a few images, from which the model infers
    q(c | D_v), and one query image x, which is assigned to the class with the smallest
    KL(q(c | D_v) || q(c | x)). This direction scales the distance by the query's
    uncertainty, the same for every class; on held-back images it is slightly more accurate
    than the other. No parameter is fitted.

    Args:
      queries: of the images, [E, V, C], one of each class.
      classes: of the classes' sets, [E, V, C], in the same order.

    Raises:
      InputError: shapes that differ.
    """
    if queries.mean.ndim != 3 or queries.mean.shape != classes.mean.shape:
        raise InputError(
            f"queries {queries.mean.shape}, classes {classes.mean.shape}; "
            "accepted: [E, V, C], the same for both"
        )
    apart = np.asarray(pairwise_kl(classes, queries))  # [E, class, image]
    nearest = apart.argmin(axis=1)
    truth = np.broadcast_to(np.arange(nearest.shape[1]), nearest.shape)
    return float(np.mean(nearest == truth))


def few_shot_scores(
    name: str, queries: Moments, classes: dict[int, Moments], num_classes: int
) -> dict[str, Score]:
    """``few_shot_<k>_<S>`` for each number S of images of a class, and ``few_shot_<k>_chance``.

    Args:
      name: of the factor whose values are the classes.
      queries: [V * E, C], sorted by class.
      classes: by S, the same of the classes' sets.
      num_classes: V.
    """

    def episodes(moments: Moments) -> Moments:
        by_class = (a.reshape(num_classes, -1, a.shape[-1]) for a in moments)
        return Moments(*(np.moveaxis(array, 0, 1) for array in by_class))

    scores = {
        f"few_shot_{name}_{shots}": Score(
            few_shot_accuracy(episodes(queries), episodes(of_class)), None, FRACTION
        )
        for shots, of_class in classes.items()
    }
    return {**scores, f"few_shot_{name}_chance": Score(1.0 / num_classes, None, FRACTION)}
