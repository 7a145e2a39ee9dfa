"""Real sets of digit images for every value of the factor that they share.

Shape letters: V values, E sets of a value, N items in a set, K factors.
"""

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factors import draw_digit_sets
from cal_jax.data.mask_mix import ConstantMask, one_constant
from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import RealSets
from experiments.common.image_sets import rendered


def sets_of_mask(
    rng: np.random.Generator,
    dataset: FactorDataset,
    constant_mask: ConstantMask,
    *,
    num_sets: int,
    set_size: int,
    given: dict[str, str] | None = None,
) -> RealSets:
    """Sets of one constant mask, all values of a factor equally likely.

    Args:
      rng: of everything drawn.
      dataset: the images.
      constant_mask: [K], 1 where a factor is constant.
      num_sets, set_size: M and N.
      given: see ``data.context_sets.draw_context_sets``.

    Raises:
      InputError: fewer than N images of a digit.
    """
    sets = draw_digit_sets(
        rng, dataset, num_sets=num_sets, set_size=set_size, mix=((constant_mask, 1),), given=given
    )
    return rendered(dataset, sets)


def sets_of_every_value(
    rng: np.random.Generator,
    dataset: FactorDataset,
    index: int,
    *,
    sets_per_value: int,
    set_size: int,
) -> RealSets:
    """E sets for each value of one factor, which alone is constant in them.

    Args:
      rng: of everything drawn.
      dataset: the images.
      index: of the factor; the values of digits are those that the images show.
      sets_per_value, set_size: E and N.

    Returns:
      RealSets of [V * E, N]: the E sets of the first value, then those of the second.

    Raises:
      InputError: fewer than two values, or fewer than N images of a digit.
    """
    name, label = dataset.names[index], one_constant(len(dataset.names))[index]
    values = list(dataset.value_names[name])
    if name in dataset.factors:
        values = [values[code] for code in np.unique(dataset.columns([name]))]
    if len(values) < 2:
        raise InputError(f"{name}: one value, {values[0]}; accepted: images of two or more")
    parts = [
        sets_of_mask(
            rng,
            dataset,
            label,
            num_sets=sets_per_value,
            set_size=set_size,
            given={name: value},
        )
        for value in values
    ]
    return RealSets(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
