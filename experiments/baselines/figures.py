"""The figures of the baselines: what they make of given sets."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.evaluation.generation_scores import Real
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.plots.grids import draw_set_pairs, draw_synthesis
from experiments.baselines.scores import Conditioned
from experiments.common.figures import Figure

ROWS = 5


def draw_conditioned(
    folder: Path, names: tuple[str, ...], real: Real, generated: Conditioned, group: int | None
) -> list[Figure]:
    """Sets generated from real ones, and where there is one a set from two sources.

    Args:
      folder: where the PNGs go.
      names: of the two factors.
      real: at least ``ROWS`` sets in which each is constant alone.
      generated: from these.
      group: the factor that the source of the context has constant.
    """
    answers = np.concatenate([sets.samples[:ROWS] for sets in generated.conditional])
    figures = [
        (
            draw_set_pairs(folder / "conditional.png", _given(real), answers, "given", "generated"),
            f"Left: sets given to the model, {names[0]} constant in five, {names[1]} in five. "
            "Right: decoder samples from the mean of the given set's context.",
        )
    ]
    if generated.synthesis is not None and group is not None:
        sources = [real.one_constant[group].x[0], real.one_constant[1 - group].x[0]]
        synthesised = [generated.synthesis.means[0], generated.synthesis.samples[0]]
        figures.append(
            (
                draw_synthesis(
                    folder / "synthesis.png",
                    sources,
                    synthesised,
                    source_labels=["content from", "style from"],
                ),
                f"A set with the content of a set that shares its {names[group]} and each image's "
                f"style from one that shares its {names[1 - group]}: decoder means, then samples.",
            )
        )
    return figures


def draw_reconstructions(
    folder: Path, model: nn.Module, variables: Variables, real: Real
) -> Figure:
    """Real sets beside their reconstructions by an autoencoder, from the means of z."""

    def means_of(generative: Any, inference: Any, x: jax.Array) -> jax.Array:
        return generative.likelihood(inference.posterior(x).mean()).mean()

    given = _given(real)
    means = np.asarray(jax.jit(map_model(means_of, model))(variables, given))
    return (
        draw_set_pairs(folder / "reconstructions.png", given, means, "given", "reconstructed"),
        "Left: test sets. Right: decoder means from each image's mean of z.",
    )


def _given(real: Real) -> np.ndarray:
    """A few sets of each label, [R, N, H, W]."""
    return np.concatenate([sets.x[:ROWS] for sets in real.one_constant])
