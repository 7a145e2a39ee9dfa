"""Scores of a context-aware learner's contexts, without an oracle or generated images."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.data.mask_mix import Mix
from cal_jax.evaluation.generation_scores import RealSets
from cal_jax.inference.likelihood import label_log_likelihoods
from cal_jax.inference.mapping import Variables
from cal_jax.inference.posterior import Contexts, contexts_of_sets
from cal_jax.metrics.leakage import ContextRows, probe_scores
from cal_jax.metrics.mismatch import two_sample_auc
from cal_jax.metrics.scores import NATS_PER_ITEM, RATIO, Score


def context_scores(
    names: Sequence[str],
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    train: Sequence[RealSets],
    test: Sequence[RealSets],
) -> dict[str, Score]:
    """The scores of ``leakage.probe_scores``, and ``mismatch_<k>`` of each context.

    Mismatch: the two-sample AUC between samples of the constant posterior of context k,
    one a test set in which it is constant, and of its varying posterior, one of the first
    item of each test set in which it varies.

    Args:
      names: of the K factors.
      model, variables: the trained model, which has a context for each.
      key: a PRNG key.
      train: for each k, sets of training images in which it alone is constant.
      test: the same of test images.
    """
    keys = jax.random.split(key, (2, len(names)))
    labels = np.eye(len(names))

    def found(keys: Any, sets: Sequence[RealSets]) -> list[Contexts]:
        return [
            contexts_of_sets(model, variables, one, of_label.x, a)
            for one, of_label, a in zip(keys, sets, labels, strict=True)
        ]

    of_train, of_test = found(keys[0], train), found(keys[1], test)
    scores = probe_scores(names, _rows(of_train, train), _rows(of_test, test))
    for k, name in enumerate(names):
        constant = of_test[k].constant_samples[:, k]
        varying = np.concatenate(
            [of_test[j].varying_samples[:, 0, k] for j in range(len(names)) if j != k]
        )
        apart = two_sample_auc(constant, varying[:: len(names) - 1])
        scores[f"mismatch_{name}"] = Score(apart, None, RATIO)
    return scores


def log_evidence_per_item(
    model: nn.Module, variables: Variables, key: jax.Array, x: np.ndarray, mix: Mix
) -> Score:
    """The mean over sets of log sum_a p(a) p(D | a), by nested bounds, nats per item.

    Each bound is of 100 samples of the constant contexts by 50 of an item's varying
    contexts and z.

    Args:
      model, variables: the trained model.
      key: a PRNG key.
      x: [M, N, H, W].
      mix: masks and their weights, p(a) up to a factor.
    """
    drawn = [pair for pair in mix if pair[1] > 0]
    support, weights = (np.array(column, np.float32) for column in zip(*drawn, strict=True))
    evidences = label_log_likelihoods(model, variables, key, x, support)
    log_prior = np.log(weights / weights.sum())
    joint = evidences + np.broadcast_to(log_prior, evidences.shape)
    total = np.logaddexp.reduce(joint, axis=-1)
    return Score(float(total.mean() / x.shape[1]), None, NATS_PER_ITEM)


def _rows(contexts: Sequence[Contexts], sets: Sequence[RealSets]) -> list[ContextRows]:
    """For each context, all items of the sets in which it varies, in random order."""
    num_contexts, rng = len(contexts), np.random.default_rng(0)
    rows = []
    for k in range(num_contexts):
        others = [j for j in range(num_contexts) if j != k]
        means = np.concatenate([np.concatenate(contexts[j].varying_means)[:, k] for j in others])
        factors = np.concatenate([np.concatenate(sets[j].factors) for j in others])
        order = rng.permutation(len(means))
        rows.append(ContextRows(means[order], factors[order]))
    return rows
