"""Faces by family and style: weight and slant, as the fonts' own tables have them.

A style means something across families only where it recurs in many. In the published corpus
those are regular and bold, upright and italic; "medium" is what some families call their regular.
"""

from dataclasses import replace

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.names import SLANTS
from cal_jax.data.glyphs.splits import Split, split_families
from cal_jax.errors import InputError
from experiments.typefaces.faces import training_items

FACTORS = ("letter", "family", "style")

WEIGHT_OF = {"regular": "regular", "medium": "regular", "bold": "bold"}
"""Weights that recur, as what they count."""

STYLES = tuple(f"{weight} {slant}" for weight in ("regular", "bold") for slant in SLANTS)

FRACTIONS = (0.54, 0.06, 0.4)
"""Of the groups of families: training, validation, test. Of the published corpus so that each
part has six groups or more that have several styles."""


def style_of(face: Face) -> str | None:
    """One of ``STYLES``, or None: a weight that does not recur."""
    weight = WEIGHT_OF.get(face.weight)
    return None if weight is None else f"{weight} {face.slant}"


def styled_families(glyphs: Glyphs) -> Glyphs:
    """The faces of families with two styles or more; faces of other weights are left out.

    Raises:
      InputError: there are none.
    """
    styles = {name: set[str | None]() for name in glyphs.families}
    for face in glyphs.faces:
        styles[face.family].add(style_of(face))
    kept = np.asarray(
        [style_of(f) is not None and len(styles[f.family] - {None}) > 1 for f in glyphs.faces]
    )
    if not kept.any():
        raise InputError(
            f"faces: no family of {len(glyphs.families)} has two styles of {', '.join(STYLES)}; "
            "accepted: one or more"
        )
    return glyphs.take(kept)


def styled_split(glyphs: Glyphs) -> Split:
    """Training, validation and test faces of families with two styles or more.

    Raises:
      InputError: see ``styled_families`` and ``split_families``.
    """
    return split_families(styled_families(glyphs), FRACTIONS)


def styled_items(glyphs: Glyphs) -> FactorDataset:
    """Every letter of every face as an item, with the factors letter, family and style.

    Args:
      glyphs: of ``styled_families``.
    """
    items = training_items(glyphs)
    styles = [style_of(face) for face in glyphs.faces]
    names = {name: items.factors[name] for name in FACTORS[:2]}
    return replace(
        items,
        factors={**names, FACTORS[2]: np.repeat(np.asarray(styles, str), len(glyphs.letters))},
        value_names={FACTORS[2]: STYLES},
    )
