"""Scores of the uses of contexts, on real sets of every value of each factor.

Shape letters: V values of a factor, E sets of each, L items in a set, K factors.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.data.factors import DigitFactors
from cal_jax.data.images import LabelledImages
from cal_jax.evaluation.amortisation import Refined, refined_bounds
from cal_jax.evaluation.consistency import guarantee_scores
from cal_jax.evaluation.constant_posteriors import Moments, constant_moments
from cal_jax.evaluation.few_shot import few_shot_scores
from cal_jax.evaluation.generation_scores import Read, RealSets
from cal_jax.evaluation.predictive import predictive_log_likelihoods
from cal_jax.evaluation.retrieval import retrieval_scores
from cal_jax.inference.likelihood import label_log_likelihoods
from cal_jax.inference.trained import TrainedLearner
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.trained import digits_binarisation
from experiments.context_uses.value_sets import sets_of_every_value, sets_of_mask


class Material(NamedTuple):
    """A trained model, and the real sets that it is asked about."""

    trained: TrainedLearner
    alone: tuple[RealSets, ...]
    """For each factor, sets of every value of it [V * E, L], which alone is constant."""
    others: tuple[RealSets, ...]
    """For each factor, sets in which it alone varies."""

    def label(self, k: int) -> np.ndarray:
        """[K]: factor k alone is constant."""
        return np.eye(len(self.trained.names), dtype=np.float32)[k]

    def values(self, k: int) -> np.ndarray:
        """[V * E]: of factor k, in the sets that share it."""
        return self.alone[k].factors[:, 0, k]

    def some(self, k: int, count: int) -> np.ndarray:
        """Images of so many sets that share factor k, spread over its values; fewer if need be."""
        x = self.alone[k].x
        return x[np.linspace(0, len(x) - 1, min(count, len(x))).astype(int)]

    def contexts(self, k: int, items: Sequence[int] | slice) -> Moments:
        """Of c_k given these items of each set that shares factor k: [V * E, C]."""
        trained, x = self.trained, self.alone[k].x
        counts = np.zeros(x.shape[1])
        counts[items] = 1
        return constant_moments(trained.model, trained.variables, x, self.label(k), counts).of(
            (slice(None), k)
        )


def material(
    trained: TrainedLearner,
    images: LabelledImages,
    seed: int,
    *,
    sets_per_value: int,
    set_size: int,
) -> Material:
    """Real sets of images, the same for every model of these factors and this binarisation.

    Args:
      trained: whose factors and binarisation they have.
      images: to make them of.
      seed: of everything drawn.
      sets_per_value, set_size: E and L.

    Raises:
      InputError: images of one digit alone, or fewer than L of a digit.
    """
    dataset = DigitFactors(trained.names).dataset(images, digits_binarisation(trained), seed)
    alone, others = [], []
    for k in range(len(dataset.names)):
        rng = np.random.default_rng((seed, k))
        sets = sets_of_every_value(
            rng, dataset, k, sets_per_value=sets_per_value, set_size=set_size
        )
        label = tuple(int(j != k) for j in range(len(dataset.names)))
        alone.append(sets)
        others.append(
            sets_of_mask(rng, dataset, label, num_sets=len(sets.x), set_size=trained.set_size)
        )
    return Material(trained, tuple(alone), tuple(others))


def classing_scores(of: Material, k: int, shots: Sequence[int]) -> dict[str, Score]:
    """Those of ``few_shot`` and ``retrieval`` for factor k.

    A class is known by the first items of a set, the image to classify is the last item of
    the same set; sets are retrieved by as many items as in training.

    Args:
      of: the model and its sets.
      k: the factor.
      shots: S, images of a class.
    """
    name, values = of.trained.names[k], of.values(k)
    classes = {count: of.contexts(k, slice(count)) for count in shots}
    whole = of.contexts(k, slice(of.trained.set_size))
    few = few_shot_scores(name, of.contexts(k, [-1]), classes, len(np.unique(values)))
    return few | retrieval_scores(name, whole, values)


def disentanglement_scores(
    of: Material, key: jax.Array, read: Read, num_sets: int
) -> dict[str, Score]:
    """Those of ``guarantees``, of so many generated sets a context and kind."""
    trained, size = of.trained, of.trained.set_size
    return guarantee_scores(
        trained.names,
        trained.model,
        trained.variables,
        key,
        [sets.x[:, :size] for sets in of.alone],
        [sets.x for sets in of.others],
        read,
        num_sets=num_sets,
        set_size=size,
    )


def predictive_curve(
    of: Material,
    k: int,
    key: jax.Array,
    sizes: Sequence[int],
    *,
    sets: int,
    new_items: int,
    contexts: int,
    latents: int,
) -> dict[int, float]:
    """The mean log p(x_new | D, a) by |D|, nats an item, where factor k is constant.

    Without a set, |D| = 0, it is log p(x_new | a): the nested bound of a set of one.

    Args:
      of: the model and its sets.
      k: the factor.
      key: a PRNG key.
      sizes: of D, its items the first of a set.
      sets, new_items: how many sets, and how many new items of each: its last.
      contexts, latents: samples of a set's constant contexts, and of an item's own variables.
    """
    model, variables = of.trained.model, of.trained.variables
    a, x = of.label(k), of.some(k, sets)
    given, new = x[:, : max(sizes)], x[:, -new_items:]
    each = new.reshape(-1, 1, *new.shape[2:])
    nothing = label_log_likelihoods(
        model, variables, key, each, a[None], contexts=contexts, latents=latents, batch=20
    )
    curve = {0: float(nothing.mean())}
    for size in sizes:
        counts = np.arange(given.shape[1]) < size
        bounds = predictive_log_likelihoods(
            model, variables, key, given, new, a, counts, contexts=contexts, latents=latents
        )
        curve[size] = float(bounds.mean())
    return curve


def predictive_scores(name: str, curve: dict[int, float]) -> dict[str, Score]:
    """``predictive_<k>_<|D|>`` of a curve."""
    return {
        f"predictive_{name}_{size}": Score(nats, None, NATS_PER_ITEM)
        for size, nats in curve.items()
    }


def amortisation_bounds(of: Material, k: int, key: jax.Array, *, sets: int, steps: int) -> Refined:
    """The bounds of some sets that share factor k before and after so many steps, nats an item."""
    trained, x = of.trained, of.some(k, sets)[:, : of.trained.set_size]
    bounds = refined_bounds(trained.model, trained.variables, key, x, of.label(k), steps=steps)
    return Refined(*(nats / x.shape[1] for nats in bounds))
