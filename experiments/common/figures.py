"""The figures of a context-aware learner with two contexts (thesis 6.2-6.4, 6.7, and training)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cal_jax.evaluation.generation_scores import Generated, RealSets
from cal_jax.plots.grids import draw_set_pairs, draw_sets, draw_synthesis, draw_training

Figure = tuple[Path, str]
"""A PNG and its caption."""


def draw_generation(
    folder: Path, names: tuple[str, ...], real: tuple[RealSets, ...], generated: Generated
) -> list[Figure]:
    """Real sets, sets from the priors, from given sets, and from two sources.

    Args:
      folder: where the PNGs go.
      names: of the two factors.
      real: for each factor, at least ten real sets in which it alone is constant.
      generated: from these, see ``evaluation.generation_scores``.
    """
    first, second = real
    first_name, second_name = names
    examples = np.concatenate([first.x[:3], second.x[:2]])[:, :5]
    given = np.concatenate([first.x[:5], second.x[:5]])
    answers = np.concatenate([sets.samples[:5] for sets in generated.conditional])
    from_first, from_second = (np.asarray(sets.means[:10]) for sets in generated.unconditional)
    synthesis = generated.synthesis
    synthesised = np.concatenate([synthesis.means[:1], synthesis.samples[:1]])
    return [
        (
            draw_sets(folder / "data_sets.png", examples, title="Five data sets"),
            f"Five data sets: {first_name} constant in three, {second_name} in two (figure 6.2).",
        ),
        (
            draw_set_pairs(
                folder / "from_priors.png",
                from_first,
                from_second,
                f"{first_name} constant",
                f"{second_name} constant",
            ),
            "Data sets generated from the label alone, decoder means (figure 6.3).",
        ),
        (
            draw_set_pairs(folder / "conditional.png", given, answers, "given", "generated"),
            f"Left: sets given to the model, {first_name} constant in five, {second_name} in "
            "five. Right: decoder samples from the means of their constant contexts (figure 6.4).",
        ),
        (
            draw_synthesis(
                folder / "synthesis.png",
                [first.x[0], second.x[0]],
                synthesised,
                source_labels=[f"{name} from" for name in names],
            ),
            f"A set with the {first_name} of one source and the {second_name} of another: decoder "
            "means, then samples (the layout of figure 6.7).",
        ),
    ]


def draw_course(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    names: tuple[str, ...] = (),
    *,
    of: str | None = None,
) -> Figure:
    """The terms of the bound in training.

    Args:
      folder: where the PNG goes.
      records: of the metrics.
      names: of the contexts.
      of: which of several models of a run it is.
    """
    return (
        draw_training(folder / "training.png", records, contexts=names),
        f"The unweighted bound and its terms in training{f', {of}' if of else ''}, nats per item.",
    )
