"""The figures of a study of a ``FactorDataset``: what was synthesised, and where contexts lie."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.components.likelihoods import DiscretizedLogistic
from cal_jax.plots.grids import draw_set_columns
from cal_jax.plots.scatter import draw_context_scatter
from experiments.common.factor_scores import Synthesis, item_means
from experiments.common.figures import Figure

ROWS, ITEMS = 8, 4
"""Of the grid: syntheses, and items of each set."""

POINTS = 1_000
"""Of a scatter, at most."""


def draw_study(
    folder: Path, trained: TrainedLearner, scored: FactorDataset, found: Synthesis
) -> list[Figure]:
    """A grid of source and synthesised sets, of images; a scatter of every context's means.

    Args:
      folder: where the PNGs go.
      trained: the model.
      scored: test items.
      found: what was synthesised from them.
    """
    figures = [_scatter(folder, trained, scored, k) for k in range(len(trained.names))]
    event = scored.event_shape
    if len(event) == 2 or (len(event) == 3 and event[2] in (1, 3)):
        figures.insert(0, _grid(folder, trained, scored, found))
    return figures


def _grid(folder: Path, trained: TrainedLearner, scored: FactorDataset, found: Synthesis) -> Figure:
    levels = _levels(trained, scored)
    columns = [
        (f"{name} from", levels(found.sources[:ROWS, k, :ITEMS]))
        for k, name in enumerate(trained.names)
    ]
    columns.append(("means", levels(np.asarray(found.made.means)[:ROWS, :ITEMS])))
    columns.append(("samples", levels(np.asarray(found.made.samples)[:ROWS, :ITEMS])))
    return (
        draw_set_columns(folder / "synthesis.png", columns),
        f"A synthesis a row. Left: test sets that give the {' and the '.join(trained.names)}. "
        "Right: items of the synthesised set, decoder means and samples (figure 6.7).",
    )


def _levels(trained: TrainedLearner, scored: FactorDataset) -> Callable[[np.ndarray], np.ndarray]:
    """What brings items to levels from 0 to 1, without an axis of one channel."""
    likelihood = trained.config.likelihood
    low, high = 0.0, 1.0
    if isinstance(likelihood, DiscretizedLogistic):
        high = likelihood.levels - 1.0
    elif scored.items.min() < 0 or scored.items.max() > 1:
        low, high = float(scored.items.min()), float(scored.items.max())

    def levels(x: np.ndarray) -> np.ndarray:
        shown = np.clip((np.asarray(x, np.float32) - low) / (high - low), 0.0, 1.0)
        return shown[..., 0] if scored.event_shape[2:] == (1,) else shown

    return levels


def _scatter(folder: Path, trained: TrainedLearner, scored: FactorDataset, k: int) -> Figure:
    name = trained.names[k]
    rows = np.random.default_rng(0).permutation(scored.num_items)[:POINTS]
    path = draw_context_scatter(
        folder / f"context_{name}.png",
        item_means(trained, scored.items[rows], k),
        scored.columns([name])[rows, 0],
        scored.value_names[name],
        title=f"Posterior means of the context {name}, an item each",
        legend=name,
    )
    return path, f"Posterior means of the context {name} given one test item alone, by {name}."
