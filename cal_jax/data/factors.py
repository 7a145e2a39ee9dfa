"""Images of digits with the factors digit, rotation and background.

Shape letters: I images, K factors, R = 8 rotations.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.binarise import fixed_binary, fresh_binary
from cal_jax.data.context_sets import ContextSets, draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.held_out import look_alikes
from cal_jax.data.images import NUM_CLASSES, LabelledImages
from cal_jax.data.mask_mix import Mix
from cal_jax.data.rotation import ROTATIONS, rotated
from cal_jax.errors import InputError

VALUES: Mapping[str, tuple[str, ...]] = {
    "digit": tuple(map(str, range(NUM_CLASSES))),
    "rotation": tuple(str(360 // ROTATIONS * turn) for turn in range(ROTATIONS)),
    "background": ("black", "white"),
}
"""Names of each factor's values; rotations are in degrees, clockwise."""

SIZES = {name: len(values) for name, values in VALUES.items()}
"""The number of values of each factor."""

BLACK, WHITE = 0, 1


class DigitFactors(NamedTuple):
    """The factors of digit images, and the data set of images with these factors."""

    names: tuple[str, ...]
    """``digit`` first, then any of ``rotation`` and ``background``, which are rendered."""

    @property
    def sizes(self) -> dict[str, int]:
        """The number of values of each factor, by name."""
        return {name: SIZES[name] for name in self.names}

    def dataset(
        self, images: LabelledImages, binarisation: str, seed: int, *, fresh: bool = False
    ) -> FactorDataset:
        """The images as binary items with these factors; rendered items are float32 [H, W].

        Grey levels are rotated, then binarised, then put on their background. An item
        holds all of its rotations, [R, H, W], of which ``render`` selects one.

        Args:
            images: of digits.
            binarisation: see ``binarise``.
            seed: of a fixed binarisation.
            fresh: whether every visit binarises an image anew.
        """
        turned = rotated(images.images) if "rotation" in self.names else images.images[None]
        pixels = turned if fresh else fixed_binary(turned, binarisation, seed)
        rendered = self.names[1:]
        turns, background = (_place(rendered, name) for name in ("rotation", "background"))

        def render(items: jax.Array, values: jax.Array, key: jax.Array) -> jax.Array:
            if turns is not None:
                chosen = values[..., turns, None, None, None]
                items = jnp.take_along_axis(items, chosen, axis=-3)[..., 0, :, :]
            if fresh:
                items = fresh_binary(key, items, binarisation)
            if background is None:
                return items.astype(jnp.float32)
            return render_black_and_white(items, values[..., background])

        return FactorDataset(
            pixels[0] if turns is None else np.ascontiguousarray(np.moveaxis(pixels, 0, 1)),
            {"digit": images.labels},
            value_names={"digit": VALUES["digit"]},
            rendered={name: VALUES[name] for name in rendered},
            render=render,
            look_alikes={} if turns is None else {("digit", "rotation"): look_alikes()},
        )


def _place(names: tuple[str, ...], name: str) -> int | None:
    return names.index(name) if name in names else None


def draw_digit_sets(
    rng: np.random.Generator,
    dataset: FactorDataset,
    *,
    num_sets: int,
    set_size: int,
    mix: Mix,
    given: Mapping[str, Any] | None = None,
) -> ContextSets:
    """``draw_context_sets`` of all factors; each digit must have images for a whole set.

    Raises:
        InputError: a digit with fewer than ``set_size`` images, or what
            ``draw_context_sets`` refuses.
    """
    digits, counts = np.unique(dataset.columns(["digit"]), return_counts=True)
    if counts.min() < set_size:
        scarce = np.argmin(counts)
        raise InputError(
            f"digits: class {digits[scarce]} has {counts[scarce]} images; "
            f"accepted: at least set_size = {set_size} in every class"
        )
    return draw_context_sets(
        rng, dataset, dataset.names, num_sets=num_sets, set_size=set_size, mix=mix, given=given
    )


def render_black_and_white(binary: jax.Array, backgrounds: jax.Array) -> jax.Array:
    """Put binary images on their backgrounds (thesis 6.4.1); pure.

    Args:
        binary: [..., H, W] in {0, 1}, the digit in ones.
        backgrounds: [...], ``BLACK`` or ``WHITE``, the leading shape of ``binary``.

    Returns:
        float32 [..., H, W]: the image on black, 1 - image on white.

    Raises:
        InputError: leading shapes that differ.
    """
    if binary.shape[:-2] != backgrounds.shape:
        raise InputError(
            f"backgrounds: shape {backgrounds.shape}; accepted: {binary.shape[:-2]}, one an image"
        )
    pixels = jnp.asarray(binary, jnp.float32)
    white = jnp.asarray(backgrounds)[..., None, None] == WHITE
    return jnp.where(white, 1 - pixels, pixels)
