"""Frames of sprites, composed on the device from their layers: a data set with six factors.

Shape letters: I frames, L layers, P poses.
"""

import functools
import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset, Render
from cal_jax.data.sprites import (
    ACTIONS,
    DIRECTIONS,
    FOLDERS,
    VALUES,
    SpriteLayers,
    character_codes,
)

CHARACTER = tuple(FOLDERS)
"""Factors that make a character."""
FACTORS = (*CHARACTER, "action", "direction")

BATCH = 500
"""Frames that ``render_frames`` composes at a time."""

BACKGROUND = 0
"""The level behind a sprite, as in the published frames."""


def sprite_frames(layers: SpriteLayers) -> FactorDataset:
    """Every character in every pose, each a row of five numbers until it is rendered.

    Args:
        layers: of the characters.

    Returns:
        Items uint8 [I, 5], the values of skin, trousers, top and hair and the pose, which
        ``render`` turns into uint8 [64, 64, 3]; the six factors and the frame of the action.
    """
    characters, poses = character_codes(), layers.poses
    pose = np.tile(np.arange(len(poses)), len(characters))
    of_character = np.repeat(characters, len(poses), axis=0)
    of_pose = {
        "action": np.asarray([one.action for one in poses])[pose],
        "direction": np.asarray([one.direction for one in poses])[pose],
        "frame": np.asarray([one.frame for one in poses])[pose],
    }
    names = {"action": tuple(ACTIONS), "direction": tuple(DIRECTIONS)}
    return FactorDataset(
        np.column_stack([of_character, pose]).astype(np.uint8),
        {name: of_character[:, k] for k, name in enumerate(CHARACTER)} | of_pose,
        value_names=dict.fromkeys(CHARACTER, VALUES) | names,
        render=_render(layers.pixels),
    )


def render_frames(dataset: FactorDataset, rows: np.ndarray) -> np.ndarray:
    """The frames of some rows of a data set of sprites, uint8 [..., 64, 64, 3].

    Args:
        dataset: see ``sprite_frames``.
        rows: int [...].
    """
    flat = np.asarray(rows).reshape(-1)
    shown = np.empty((len(flat), *dataset.event_shape), np.uint8)
    for first in range(0, len(flat), BATCH):
        batch = flat[first : first + BATCH]
        items = dataset.items[np.resize(batch, BATCH)]  # one shape, so one program
        shown[first : first + BATCH] = _shown(dataset.render, items)[: len(batch)]
    return shown.reshape(*np.shape(rows), *dataset.event_shape)


def compose(layers: jax.Array) -> jax.Array:
    """Layers drawn one over the other on a plain background: uint8 [..., H, W, 3].

    Args:
        layers: uint8 [..., L, 4, H, W], planes of red, green, blue and straight alpha, the
            lowest layer first.
    """
    levels = layers.astype(jnp.float32)
    colours, alpha = levels[..., :3, :, :], levels[..., 3:, :, :] / 255.0
    frame = jnp.full_like(colours[..., 0, :, :, :], BACKGROUND)
    for layer in range(layers.shape[-4]):
        cover = alpha[..., layer, :, :, :]
        frame = colours[..., layer, :, :, :] * cover + frame * (1.0 - cover)
    return jnp.moveaxis(jnp.round(frame).astype(jnp.uint8), -3, -1)


def layers_digest(layers: SpriteLayers) -> str:
    """SHA-256 (hex) of the layers and the names of their poses."""
    total = hashlib.sha256(repr(layers.poses).encode())
    total.update(np.ascontiguousarray(layers.pixels).tobytes())
    return total.hexdigest()


def _render(pixels: np.ndarray) -> Render:
    """Composes the layers that items [..., 5] name."""
    first = len(VALUES) * np.arange(len(CHARACTER))
    shoes = len(pixels) - 1
    planes = jnp.asarray(np.moveaxis(pixels, -1, 2))

    def render(items: jax.Array, values: jax.Array, key: jax.Array) -> jax.Array:
        del values, key  # no factor is rendered, nothing is drawn
        codes = items.astype(jnp.int32)
        styles = codes[..., :-1] + jnp.broadcast_to(first, codes[..., :-1].shape)
        worn = jnp.concatenate([styles, jnp.full_like(styles[..., :1], shoes)], axis=-1)
        pose = jnp.broadcast_to(codes[..., -1:], worn.shape)
        return compose(planes[worn, pose])

    return render


@functools.partial(jax.jit, static_argnums=0)
def _shown(render: Render, items: jax.Array) -> jax.Array:
    """Frames of items [B, 5]; no render of sprites draws anything."""
    return render(items, jnp.zeros((len(items), 0), jnp.int32), jax.random.key(0))
