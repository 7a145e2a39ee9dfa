"""Scores of contexts and densities on synthetic sets (thesis 5.3.1).

Each score stands beside its ceiling: what the exact posterior of the known
families gives for the same test sets.
"""

from typing import NamedTuple

import numpy as np

from cal_jax.data.synthetic import SyntheticSets
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.metrics.neighbours import knn_accuracy, knn_r2, r2
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, RATIO, Score
from experiments.synthetic_sets.truth import exact_posterior, log_density


class Located(NamedTuple):
    """Training and test sets, and where a model locates them."""

    train: SyntheticSets
    test: SyntheticSets
    train_means: np.ndarray
    """[M, C]: of q(c | D)."""
    test_means: np.ndarray
    """[M', C]"""


def locate(encoder: ContextEncoder, train: SyntheticSets, test: SyntheticSets) -> Located:
    """The context means of training and of test sets."""
    return Located(train, test, encoder.means(train.x), encoder.means(test.x))


def context_scores(located: Located, *, exact: bool) -> dict[str, Score]:
    """The family and the moments by 10 nearest neighbours among the training sets' contexts.

    Args:
      located: sets and their context means.
      exact: whether the ceilings are taken, which are exact for the "population"
        generator alone.

    Returns:
      Scores by name; those of population moments have ceilings if ``exact``.
    """
    train, test = located.train, located.test
    means = located.train_means, located.test_means
    ceilings = _ceilings(test) if exact else {}

    def r2_of(of_train: np.ndarray, of_test: np.ndarray) -> float:
        return knn_r2(means[0], of_train, means[1], of_test)

    values = {
        "family_knn": knn_accuracy(means[0], train.family, means[1], test.family),
        "r2_population_mean": r2_of(train.mean, test.mean),
        "r2_population_variance": r2_of(train.variance, test.variance),
        "r2_sample_mean": r2_of(*(sets.x.mean(axis=(1, 2)) for sets in (train, test))),
        "r2_sample_variance": r2_of(*(sets.x.var(axis=(1, 2)) for sets in (train, test))),
    }
    return {
        name: Score(value, ceilings.get(name), FRACTION if name == "family_knn" else RATIO)
        for name, value in values.items()
    }


def gap_score(nested: np.ndarray, test: SyntheticSets) -> Score:
    """How far the model's density lies below the one that made the sets; lower is better.

    Args:
      nested: [M], the model's log p(D), nats per item.
      test: the same sets, of the "population" generator.

    Returns:
      The mean difference in nats per item. Its ceiling is the gap of the exact
      generative process: what not knowing the family and the moments costs.
    """
    density = np.asarray(log_density(test.x, test.family, test.mean, test.variance)).mean(axis=1)
    evidence = np.asarray(exact_posterior(test.x).log_evidence) / test.x.shape[1]
    return Score(
        float(np.mean(density - nested)), float(np.mean(density - evidence)), NATS_PER_ITEM
    )


def set_size_curve(
    encoder: ContextEncoder, located: Located, longer: SyntheticSets, sizes: tuple[int, ...]
) -> dict[str, list[float]]:
    """Scores of sets of other sizes than training's, and their ceilings, by name.

    Args:
      encoder: of the trained model.
      located: its training sets' contexts are the neighbours.
      longer: test sets of the "population" generator, of at least the largest size.
      sizes: items that are kept of each set; all go through one compiled program.

    Returns:
      One value a size; ceilings have the suffix ``_ceiling``.
    """
    curve: dict[str, list[float]] = {}
    largest = max(sizes)
    for size in sizes:
        cut = longer._replace(x=longer.x[:, :size])
        means = encoder.means(cut.x, padded_to=largest)
        scores = context_scores(located._replace(test=cut, test_means=means), exact=True)
        for name in ("family_knn", "r2_population_mean", "r2_population_variance"):
            curve.setdefault(name, []).append(scores[name].value)
            ceiling = scores[name].ceiling
            assert ceiling is not None
            curve.setdefault(f"{name}_ceiling", []).append(ceiling)
    return curve


def _ceilings(test: SyntheticSets) -> dict[str, float]:
    posterior = exact_posterior(test.x)
    family = np.argmax(posterior.family_probabilities, axis=1)
    return {
        "family_knn": float(np.mean(family == test.family)),
        "r2_population_mean": r2(np.asarray(posterior.mean), test.mean),
        "r2_population_variance": r2(np.asarray(posterior.variance), test.variance),
    }
