"""The figures of sets with three contexts, in the layout of thesis 6.2 to 6.7."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from cal_jax.data.mask_mix import ConstantMask
from cal_jax.evaluation.generation_scores import Generated, Real, RealSets
from cal_jax.inference.sampler import Sampler
from cal_jax.plots.grids import draw_set_pairs, draw_synthesis
from experiments.common.figures import Figure
from experiments.common.rotated_figures import sources_of

GIVEN = 3
SYNTHESISED = 8
SOURCES = (5, 2, 1)
"""Sources of the synthesis: the digit 5, 90 degrees clockwise, a white background."""


def draw_three_contexts(
    folder: Path,
    names: tuple[str, ...],
    sampler: Sampler,
    key: jax.Array,
    real: Real,
    generated: Generated,
    of_labels: Mapping[ConstantMask, RealSets],
) -> list[Figure]:
    """Sets of every label, conditional sets, and sets from three sources.

    Args:
      folder: where the PNGs go.
      names: of the three factors.
      sampler: the model.
      key: of the sets that are generated here.
      real: for each factor at least three real sets in which it alone is constant.
      generated: from these.
      of_labels: real sets of each label that is shown.
    """
    alone = real.one_constant
    from_priors = [
        sampler.unconditional(jax.random.fold_in(key, index), np.array(label), 1).means[0]
        for index, label in enumerate(of_labels)
    ]
    sources = sources_of(alone, SOURCES)
    repeated = np.broadcast_to(sources, (SYNTHESISED, *sources.shape))
    synthesised = sampler.synthesise(key, repeated, np.eye(len(names), dtype=np.float32))
    return [
        (
            draw_set_pairs(
                folder / "labels.png",
                np.stack([sets.x[0] for sets in of_labels.values()]),
                np.stack(from_priors),
                "real",
                "from the label alone",
                row_labels=[_constant(names, label) for label in of_labels],
            ),
            "Each row is of one label and says what is constant. Left: a real set. Right: a set "
            "generated from the label alone, decoder means (figures 6.2, 6.3 and 6.6).",
        ),
        (
            draw_set_pairs(
                folder / "conditional.png",
                np.concatenate([sets.x[:GIVEN] for sets in alone]),
                np.concatenate([sets.samples[:GIVEN] for sets in generated.conditional]),
                "given",
                "generated",
                row_labels=[name for name in names for _ in range(GIVEN)],
            ),
            "Left: sets given to the model, each with one constant factor. Right: decoder samples "
            "from the means of their constant contexts (figure 6.4).",
        ),
        (
            draw_synthesis(
                folder / "synthesis.png",
                sources,
                np.asarray(synthesised.means),
                source_labels=[f"{name} from" for name in names],
            ),
            f"Three sources, and {SYNTHESISED} sets with one constant factor of each, decoder "
            "means (figure 6.7).",
        ),
    ]


def _constant(names: tuple[str, ...], label: ConstantMask) -> str:
    """What is constant in sets of a label."""
    constant = [name for name, is_constant in zip(names, label, strict=True) if is_constant]
    return ", ".join(constant) or "nothing"
