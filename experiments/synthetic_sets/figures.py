"""The figures of the synthetic experiment (thesis 5.3 and 5.4, with sample densities)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.data.synthetic import FAMILIES, SyntheticSets
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.statistician import generate_items
from cal_jax.plots.curves import draw_curve, draw_sample_densities
from cal_jax.plots.scatter import draw_context_moments, draw_context_scatter
from experiments.common.figures import Figure
from experiments.synthetic_sets.scores import Located

DRAWS = 2_000
"""Samples of the model behind each histogram."""


def draw_contexts(folder: Path, located: Located) -> list[Figure]:
    """Context means of the test sets by family, and by moment."""
    means, test = located.test_means, located.test
    moments = {"mean": test.mean, "variance": test.variance}
    return [
        (
            draw_context_scatter(
                folder / "contexts.png",
                means,
                test.family,
                FAMILIES,
                title="Context means of test sets",
            ),
            "Context means of the test sets by family, seen from two sides (figure 5.3).",
        ),
        (
            draw_context_moments(
                folder / "moments.png",
                means,
                moments,
                test.family,
                title="Context means of test sets by population moment",
            ),
            "The same by population mean and variance; the marker is the family (figure 5.4).",
        ),
    ]


def draw_conditional_samples(
    folder: Path,
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    test: SyntheticSets,
    *,
    layers: int,
) -> Figure:
    """One test set of each family, and what the model draws given its context's mean."""
    rows = [int(np.argmax(test.family == family)) for family in range(len(FAMILIES))]

    def draw(generative: Any, inference: Any, key: jax.Array, x: jax.Array) -> jax.Array:
        c = inference.context(inference.encode(x), None).mean()
        return generate_items(key, generative, c, DRAWS, layers=layers).samples

    samples = jax.jit(map_model(draw, model))(
        variables, jax.random.split(key, len(rows)), test.x[np.asarray(rows)]
    )
    panels = [
        (FAMILIES[test.family[row]], test.x[row, :, 0], np.asarray(drawn)[:, 0])
        for row, drawn in zip(rows, samples, strict=True)
    ]
    return (
        draw_sample_densities(folder / "samples.png", panels),
        "Test sets, and samples of the model given the mean of their contexts.",
    )


def draw_set_sizes(
    folder: Path, sizes: Sequence[int], curve: Mapping[str, Sequence[float]]
) -> Figure:
    """Scores and their ceilings against set size."""
    names = {
        "family_knn": "family, share right",
        "r2_population_mean": "R² of the population mean",
        "r2_population_variance": "R² of the population variance",
    }
    path = draw_curve(
        folder / "set_sizes.png",
        np.asarray(sizes),
        {label: np.asarray(curve[name]) for name, label in names.items()},
        ceilings={label: np.asarray(curve[f"{name}_ceiling"]) for name, label in names.items()},
        xlabel="items in a set",
        ylabel="score",
        title="Scores against set size",
        log_x=True,
    )
    return path, (
        "Scores of new test sets of many sizes; their ceilings, dashed, are those of the exact "
        "posterior of the same sets. The model was trained on one size."
    )
