"""What an image shows: a digit, perhaps turned, perhaps on a white background.

Shape letters: M images, K factors, R = 8 turns, or 1 where rotation is no factor.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.digit_sets import render_black_and_white
from cal_jax.data.images import NUM_CLASSES
from cal_jax.data.rotation import ROTATIONS, rotated

SIZES = {"digit": NUM_CLASSES, "rotation": ROTATIONS, "background": 2}
"""How many values each factor has."""


class ImageFactors(NamedTuple):
    """The factors of a data set's images, and how images follow from their values.

    Grey levels are turned, then made binary, then put on their background. Values
    are integers [..., K], in the order of ``names``.
    """

    names: tuple[str, ...]
    """``digit`` first, then any of ``rotation`` and ``background``."""

    @property
    def sizes(self) -> dict[str, int]:
        """How many values each factor has, by name."""
        return {name: SIZES[name] for name in self.names}

    @property
    def other_sizes(self) -> tuple[int, ...]:
        """How many values the factors beside the digit have."""
        return tuple(SIZES[name] for name in self.names[1:])

    def turned(self, images: np.ndarray) -> np.ndarray:
        """All that may be shown of images uint8 [M, H, W] before binarisation: [R, M, H, W]."""
        return rotated(images) if "rotation" in self.names else images[None]

    def pick(self, turned: Any, items: Any, values: Any) -> Any:
        """The images [..., H, W] of rows ``items`` [...] of ``turned``; one gather."""
        return turned[self._value("rotation", values), items]

    def paint(self, binary: jax.Array, values: jax.Array) -> jax.Array:
        """Binary images [..., H, W] on their backgrounds, float32; pure."""
        return render_black_and_white(binary, self._value("background", values))

    def draw_values(self, key: jax.Array, digits: jax.Array) -> jax.Array:
        """Values [B, K] of images with these digits [B]: the others uniform; pure."""
        others = [
            jax.random.randint(jax.random.fold_in(key, k), digits.shape, 0, SIZES[name])
            for k, name in enumerate(self.names[1:])
        ]
        return jnp.stack([digits, *others], axis=-1)

    def _value(self, name: str, values: Any) -> Any:
        """The values [...] of one factor; 0 where the images do not have it."""
        if name not in self.names:
            return 0 * values[..., 0]
        return values[..., self.names.index(name)]
