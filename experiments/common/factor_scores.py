"""What a context-aware learner of a ``FactorDataset`` is worth on items that nothing was fitted on.

Shape letters: I items, M sets, N items in a set, K contexts, *X the shape of an item.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import joint_codes
from cal_jax.data.mask_mix import one_constant
from cal_jax.data.set_samplers import render_sets
from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import Read
from cal_jax.inference.posterior import contexts_of_sets
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.trained import TrainedLearner
from cal_jax.metrics.neighbours import knn_accuracy
from cal_jax.metrics.scores import FRACTION, Score, joint

READ_ITEMS = 10_000
"""Items that readers and neighbours are fitted on, at most, and that each is asked for."""

COMPONENTS = 40
"""Principal components that a reader sees, at most."""


class Parts(NamedTuple):
    """Items by what they are for; no item is in two of them."""

    train: FactorDataset
    """Of the model, and of what is fitted on training items."""
    told: FactorDataset | None
    """Test items whose factors are told to readers and neighbours: None unless test items have
    values that training items lack."""
    scored: FactorDataset
    """Test items that nothing is fitted on."""


def divided(train: FactorDataset, test: FactorDataset, names: Sequence[str]) -> Parts:
    """The items of a study by what they are for.

    Where test items have values of a factor that no training item has, as speakers that
    training never meets, no classifier of training items can name them: then every other
    test item of each combination of values is told, and the rest is scored.

    Args:
      train: items of training.
      test: items of evaluation.
      names: of the K factors.

    Raises:
      InputError: a factor that only one of both has, that is rendered, or whose values have
        other names.
    """
    for dataset in (train, test):
        dataset.require(*names)
        if dataset.render is not None:
            raise InputError("items with rendered factors; accepted: factors that are columns")
    for name in names:
        if tuple(train.value_names[name]) != tuple(test.value_names[name]):
            raise InputError(
                f"factor {name!r}: other value names in test than in training; accepted: one "
                "data set's, divided by a split"
            )
    if not any(_unseen(train, test, name) for name in names):
        return Parts(train, None, test)
    codes = joint_codes(test.columns(names), [test.sizes[name] for name in names])
    _, group, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    place = np.empty(len(codes), int)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    told = place % 2 == 1
    return Parts(train, test.take(told), test.take(~told))


def fitted_reader(parts: Parts, names: Sequence[str]) -> Read:
    """A classifier of every factor, of real items: items [..., *X] -> int [..., K].

    A support vector machine of the leading principal components for each factor. It is fitted
    on training items and those that are told; of a factor with values that training items
    lack, on those that are told alone: it chooses among the values of test items.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    models = []
    for name in names:
        x, values = _rows(_fitted(parts, name), [name])
        if parts.told is not None and _fitted(parts, name) is parts.train:
            more, more_values = _rows(parts.told, [name])
            x, values = np.concatenate([x, more]), np.concatenate([values, more_values])
        components = PCA(min(COMPONENTS, *x.shape), random_state=0)
        models.append(make_pipeline(components, SVC(C=10.0)).fit(x, values[:, 0]))
    event = parts.train.event_shape

    def read(items: np.ndarray) -> np.ndarray:
        leading = items.shape[: items.ndim - len(event)]
        rows = np.asarray(items, np.float32).reshape(-1, math.prod(event))
        return np.stack([model.predict(rows) for model in models], axis=-1).reshape(*leading, -1)

    return read


class Synthesis(NamedTuple):
    """Sets with every context constant, each context from a test set of its own."""

    sources: np.ndarray
    """float32 [M, K, N, *X]: real sets, context k constant in the k-th."""
    wanted: np.ndarray
    """int [M, K]: the value of the constant context of each source."""
    made: GeneratedSet
    """[M, N, *X]"""


def synthesise(
    trained: TrainedLearner,
    scored: FactorDataset,
    key: jax.Array,
    *,
    num_sets: int,
    seed: int,
) -> Synthesis:
    """Sets of M groups of K sources, as thesis 6.4.2 has them for two.

    Args:
      trained: the model; its sets have N items.
      scored: items of the sources.
      key: of what the model draws.
      num_sets: M.
      seed: of the sources.
    """
    names, rng = trained.names, np.random.default_rng(seed)
    masks = one_constant(len(names))
    drawn = [
        draw_context_sets(
            rng,
            scored,
            names,
            num_sets=num_sets,
            set_size=trained.set_size,
            mix=[(mask, 1.0)],
        )
        for mask in masks
    ]
    x = [render_sets(scored, names, sets).astype(np.float32) for sets in drawn]
    sources = np.stack(x, axis=1)
    wanted = np.stack([sets.values[:, 0, k] for k, sets in enumerate(drawn)], axis=1)
    sampler = Sampler(trained.model, trained.variables, trained.set_size)
    labels = np.asarray(masks, np.float32)
    return Synthesis(sources, wanted, sampler.synthesise(key, sources, labels))


def synthesis_scores(
    names: Sequence[str], found: Synthesis, scored: FactorDataset, read: Read
) -> dict[str, Score]:
    """How often a reader finds in synthesised items what their sources asked for.

    ``synthesis_<k>`` and ``synthesis_joint``, every factor right, of samples of the decoder,
    and of its means with the suffix ``_means``; their ceiling is the reader's accuracy on real
    items. ``floor_<k>`` is the share of the value that real items have most often;
    ``floor_joint``, of sets that are copied from one of their sources, the best one.

    Args:
      names: of the K factors.
      found: the sets.
      scored: real items.
      read: a reader of all factors.
    """
    x, values = _rows(scored, names)
    real = read(x.reshape(-1, *scored.event_shape))
    right = real == values
    scores = {}
    for suffix, items in (("", found.made.samples), ("_means", found.made.means)):
        labels = read(np.asarray(items))
        hits = labels == found.wanted[:, None]
        for k, name in enumerate(names):
            scores[f"synthesis_{name}{suffix}"] = Score(
                float(hits[..., k].mean()), float(right[:, k].mean()), FRACTION
            )
        scores[f"synthesis_joint{suffix}"] = Score(
            joint(labels, found.wanted), float(right.all(axis=1).mean()), FRACTION
        )
    for k, name in enumerate(names):
        share = np.bincount(values[:, k]).max() / len(values)
        scores[f"floor_{name}"] = Score(float(share), None, FRACTION)
    copies = read(found.sources)
    copied = max(joint(copies[:, k], found.wanted) for k in range(len(names)))
    scores["floor_joint"] = Score(copied, None, FRACTION)
    return scores


def informativeness_scores(trained: TrainedLearner, parts: Parts) -> dict[str, Score]:
    """What contexts say of the factors of single items that nothing was fitted on.

    ``informativeness_<k>``: the ten nearest neighbours, among training items, of the posterior
    mean of context k, given one item alone, know the item's value of k. ``neighbours_<k>``: the
    same of the items themselves, which no model sees. A factor with values that training items
    lack is told by its own items instead: see ``divided``.
    """
    scores = {}
    for k, name in enumerate(trained.names):
        fitted = _fitted(parts, name)
        (x, known), (asked, truth) = _rows(fitted, [name]), _rows(parts.scored, [name])
        means, asked_means = item_means(trained, x, k), item_means(trained, asked, k)
        for score, near, far in (
            (f"informativeness_{name}", means, asked_means),
            (f"neighbours_{name}", x, asked),
        ):
            share = knn_accuracy(
                near, known[:, 0], far, truth[:, 0], neighbours=min(10, len(known))
            )
            scores[score] = Score(share, None, FRACTION)
    return scores


def item_means(trained: TrainedLearner, x: np.ndarray, k: int) -> np.ndarray:
    """Posterior means of context k, constant in sets of one item each: [I, C].

    Args:
      trained: the model.
      x: items [I, *X], or flat.
      k: which context.
    """
    a = np.eye(len(trained.names), dtype=np.float32)[k]
    sets = np.asarray(x, np.float32).reshape(-1, 1, *trained.model.event_shape)
    found = contexts_of_sets(trained.model, trained.variables, jax.random.key(0), sets, a)
    return np.asarray(found.constant_means[:, k])


def _unseen(train: FactorDataset, test: FactorDataset, name: str) -> bool:
    """Whether test items have values of a factor that training items lack."""
    return not np.isin(test.columns([name]), train.columns([name])).all()


def _fitted(parts: Parts, name: str) -> FactorDataset:
    """Items that a factor is learned from: of training, or told where these lack values."""
    if parts.told is not None and _unseen(parts.train, parts.scored, name):
        return parts.told
    return parts.train


def _rows(dataset: FactorDataset, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Items float32 [I, X] and values int [I, K], a random choice of ``READ_ITEMS`` at most."""
    rows = np.random.default_rng(0).permutation(dataset.num_items)[:READ_ITEMS]
    x = np.asarray(dataset.items[rows], np.float32)
    return x.reshape(len(rows), -1), dataset.columns(names)[rows]
