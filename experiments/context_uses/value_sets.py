"""Real sets of digit images for every value of the factor that they share.

Shape letters: V values, E sets of a value, N items in a set, K factors.
"""

import jax.numpy as jnp
import numpy as np

from cal_jax.data.digit_sets import factor_sets
from cal_jax.data.factors import SIZES, ImageFactors
from cal_jax.data.label_mix import Label, one_constant
from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import RealSets


def sets_of_label(
    rng: np.random.Generator,
    factors: ImageFactors,
    pixels: np.ndarray,
    digits: np.ndarray,
    label: Label,
    *,
    num_sets: int,
    set_size: int,
    allowed: np.ndarray | None = None,
) -> RealSets:
    """Sets of one label, all values of a factor equally likely.

    Args:
      rng: of everything drawn.
      factors: of the images.
      pixels: binary images [R, I, H, W], turned.
      digits: [I], what they show.
      label: [K], 1 where a factor is constant.
      num_sets, set_size: M and N.
      allowed: see ``data.digit_sets.factor_sets``.

    Raises:
      InputError: fewer than N images of a digit.
    """
    sets = factor_sets(
        rng,
        digits,
        factors.other_sizes,
        num_sets=num_sets,
        set_size=set_size,
        mix=((label, 1),),
        allowed=allowed,
    )
    binary = jnp.asarray(factors.pick(pixels, sets.items, sets.factors))
    x = np.asarray(factors.paint(binary, jnp.asarray(sets.factors)))
    return RealSets(x, sets.factors)


def sets_of_every_value(
    rng: np.random.Generator,
    factors: ImageFactors,
    pixels: np.ndarray,
    digits: np.ndarray,
    index: int,
    *,
    sets_per_value: int,
    set_size: int,
) -> RealSets:
    """E sets for each value of one factor, which alone is constant in them.

    Args:
      rng, factors, pixels, digits: as in ``sets_of_label``.
      index: of the factor; the values of digits are those that ``digits`` holds.
      sets_per_value, set_size: E and N.

    Returns:
      RealSets of [V * E, N]: the E sets of the first value, then those of the second.

    Raises:
      InputError: fewer than two values, or fewer than N images of a digit.
    """
    name, label = factors.names[index], one_constant(len(factors.names))[index]
    values = np.unique(digits) if index == 0 else np.arange(SIZES[name])
    if len(values) < 2:
        raise InputError(f"{name}: one value, {values[0]}; accepted: images of two or more")
    places = np.indices((SIZES["digit"], *factors.other_sizes))[index]
    parts = [
        sets_of_label(
            rng,
            factors,
            pixels,
            digits,
            label,
            num_sets=sets_per_value,
            set_size=set_size,
            allowed=places == value,
        )
        for value in values
    ]
    return RealSets(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
