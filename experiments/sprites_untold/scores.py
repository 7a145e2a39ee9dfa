"""Scores of inferred masks of sprites, beside those of the label network."""

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.metrics.scores import FRACTION, Score
from cal_jax.objectives.label_contrast import even_dependence
from experiments.common.factor_study import Additions
from experiments.common.run import TEST_SEED
from experiments.common.untold import Named, Sets, accuracy_of, sets_of
from experiments.sprites_untold.clusters import cluster_accuracy, told_accuracy, variances
from experiments.sprites_untold.compared import compared_masks
from experiments.sprites_untold.config import SpritesUntoldConfig


def comparison_and_baselines(named: Named) -> Additions:
    """Masks by comparison of the sets, and by variances of their pixels.

    The ceiling of ``accuracy`` and ``compared`` is the share of sets that are not ambiguous.
    """
    config, scored = named.request.config, named.scored
    against = compared_masks(
        named.model,
        named.trained.variables,
        scored.x,
        config.support,
        dependence=even_dependence(config.support),
        spread=config.spread,
    )
    scores = {
        "accuracy": named.scores["accuracy"],
        **baseline_scores(named.splits.train, scored, config),
        "compared": accuracy_of(against.argmin(axis=1), scored.masks, config.support),
    }
    clear = 1.0 - float(scored.ambiguous.mean())
    for name in ("accuracy", "compared"):
        scores[name] = scores[name]._replace(ceiling=clear)
    return Additions(
        scores,
        [
            "`accuracy`: of the most probable mask, at the best order of the contexts. Its ceiling "
            "is the share of sets in which no varying factor has one value by chance.",
            "`compared`: the same of the mask that disagrees least with what 100 scored sets "
            "say of each other, without the label network.",
            "`clusters`: a mixture of Gaussians of variances of a set's pixels, matched to the "
            "masks; `told`: a classifier of the same that was told the masks of training sets.",
        ],
    )


def baseline_scores(
    train: FactorDataset, scored: Sets, config: SpritesUntoldConfig
) -> dict[str, Score]:
    """``clusters`` without labels, ``told`` with those of training sets, and a guess.

    Args:
      train: frames of training.
      scored: sets of other characters.
      config: the run's.
    """
    seen = sets_of(train, config, config.cluster_sets, TEST_SEED)
    near, far, support = variances(seen.x), variances(scored.x), config.support
    values = {
        "clusters": cluster_accuracy(near, far, scored.masks, support, seed=0),
        "told": told_accuracy(near, seen.masks, far, scored.masks, support),
        "guess": 1.0 / len(support),
    }
    return {name: Score(value, None, FRACTION) for name, value in values.items()}
