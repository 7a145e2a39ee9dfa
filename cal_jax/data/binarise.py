"""Three binarisations of grey levels; ELBOs of different ones are not comparable.

The first is "the standard way" of Salakhutdinov & Murray (2008, "On the
quantitative analysis of deep belief networks"), which thesis section 4.4 uses.
"""

import types
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

EXPLANATIONS: Mapping[str, str] = types.MappingProxyType(
    {
        "static": "one Bernoulli(grey / 255) draw an image, fixed by the seed",
        "dynamic": "a new Bernoulli(grey / 255) draw at every visit",
        "threshold": "1 where grey / 255 > 0.5",
    }
)
"""A one-line description of each binarisation, printed beside an ELBO."""

BINARISATIONS = tuple(EXPLANATIONS)


def fixed_binary(images: np.ndarray, binarisation: str, seed: int) -> np.ndarray:
    """Images in {0, 1}, fixed by a threshold or by one seeded draw.

    Args:
        images: uint8 [M, H, W] grey levels.
        binarisation: one of ``BINARISATIONS``; "dynamic" is treated as "static"
            for fixed images, such as test images.
        seed: of the draw.

    Returns:
        uint8 [M, H, W] in {0, 1}.
    """
    if binarisation == "threshold":
        return threshold_binary(images)
    return static_binary(images, seed)


def fresh_binary(key: jax.Array, grey: jax.Array, binarisation: str) -> jax.Array:
    """Images in {0, 1} of one visit: by threshold, or by a draw of the key; pure.

    Args:
        key: of this visit.
        grey: [...] grey levels 0..255.
        binarisation: one of ``BINARISATIONS``.

    Returns:
        float32 [...] in {0, 1}.
    """
    if binarisation == "threshold":
        return (grey > 127).astype(jnp.float32)
    return dynamic_binary(key, grey)


def static_binary(images: np.ndarray, seed: int) -> np.ndarray:
    """Draw every pixel once from Bernoulli(grey / 255).

    One pass over the whole array with one generator, before batching:
    the draw of image m depends on the seed, m and the image size, not on the order
    of visits nor on the other images. Binarise the loaded array before splitting or
    indexing it; indexing first gives other draws.

    Args:
        images: uint8 [M, H, W] grey levels.
        seed: of the draw.

    Returns:
        uint8 [M, H, W] in {0, 1}; black (0) and white (255) are certain.
    """
    # u is uniform on 0..254, so P(u < grey) is grey / 255 exactly.
    draws = np.random.default_rng(seed).integers(255, size=images.shape, dtype=np.uint8)
    return (draws < images).astype(np.uint8)


def threshold_binary(images: np.ndarray) -> np.ndarray:
    """Return uint8 [M, H, W], 1 where the intensity of uint8 ``images`` [M, H, W] exceeds 0.5."""
    return (images > 127).astype(np.uint8)


def dynamic_binary(key: jax.Array, grey: jax.Array) -> jax.Array:
    """Draw every pixel from Bernoulli(grey / 255); pure, for use inside a step.

    Args:
        key: of this visit.
        grey: [...] grey levels 0..255, integer or float.

    Returns:
        float32 [...] in {0, 1}.
    """
    intensity = jnp.asarray(grey, jnp.float32) / 255
    return jax.random.bernoulli(key, intensity).astype(jnp.float32)
