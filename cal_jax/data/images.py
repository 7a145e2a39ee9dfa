"""Labelled grey images in memory, and operations on whole arrays of them.

Shape letters as in ``cal_jax.axes``: M rows of a collection, H and W the
height and width of an image.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError

NUM_CLASSES = 10
RESIZE_BATCH = 4096


class LabelledImages(NamedTuple):
    """Images and their digits."""

    images: np.ndarray
    """uint8 [M, H, W]: grey levels, 0 (background) to 255."""
    labels: np.ndarray
    """int32 [M]: the digit, 0 to 9."""


class ImageSplits(NamedTuple):
    """A published data set with its published split."""

    name: str
    """"mnist" or "digits"."""
    train: LabelledImages
    test: LabelledImages


def validate(images: LabelledImages, source: str) -> LabelledImages:
    """Return ``images`` unchanged if they satisfy the contract of ``LabelledImages``.

    Args:
        images: uint8 [M, H, W] and int32 [M].
        source: of the images; it opens the message of an error.

    Raises:
        InputError: wrong dtype or rank, no images, counts that differ, a label outside 0..9.
    """
    pixels, labels = images
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.size == 0:
        raise InputError(
            f"{source}: images are {pixels.dtype} {list(pixels.shape)}; "
            "accepted: uint8 [M, H, W], none of them 0"
        )
    if labels.dtype != np.int32 or labels.ndim != 1:
        raise InputError(
            f"{source}: labels are {labels.dtype} {list(labels.shape)}; accepted: int32 [M]"
        )
    if len(pixels) != len(labels):
        raise InputError(
            f"{source}: {len(pixels)} images but {len(labels)} labels; accepted: one label an image"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= NUM_CLASSES))
    if wrong.size:
        raise InputError(
            f"{source}: label {labels[wrong[0]]} of image {wrong[0]}; "
            f"accepted: 0 to {NUM_CLASSES - 1}"
        )
    return images


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resize every image to ``size`` x ``size``.

    ``jax.image.resize``, linear and antialiased: bilinear interpolation when
    growing; when shrinking an average over the covered area, weighted by a
    triangle twice as wide. Grey levels are rounded to the nearest. Images are resized
    in batches, so that temporary memory is independent of M.

    Args:
        images: uint8 [M, H, W].
        size: the new height and width, at least 1.

    Returns:
        uint8 [M, size, size]; ``images`` itself if that is their size already.

    Raises:
        InputError: ``size`` below 1.
    """
    if size < 1:
        raise InputError(f"image size {size}; accepted: 1 or more")
    if images.shape[1:] == (size, size):
        return images
    resized = np.empty((len(images), size, size), np.uint8)
    for start in range(0, len(images), RESIZE_BATCH):
        batch = images[start : start + RESIZE_BATCH]
        grey = jax.image.resize(
            jnp.asarray(batch, jnp.float32), (len(batch), size, size), "linear", antialias=True
        )
        resized[start : start + len(batch)] = np.clip(np.rint(grey), 0, 255)
    return resized


def hold_back(
    train: LabelledImages, count: int, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Hold training images back for model selection.

    Args:
        train: M training images.
        count: how many to hold back, 1 to M - 1, chosen uniformly.
        seed: of the choice.

    Returns:
        The other M - ``count`` images for training, and ``count`` for validation;
        both in their original order.

    Raises:
        InputError: ``count`` outside 1..M - 1.
    """
    total = len(train.labels)
    if not 1 <= count < total:
        raise InputError(f"{count} images to hold back; accepted: 1 to {total - 1}")
    held = np.zeros(total, bool)
    held[np.random.default_rng(seed).choice(total, count, replace=False)] = True
    return (
        LabelledImages(train.images[~held], train.labels[~held]),
        LabelledImages(train.images[held], train.labels[held]),
    )


def of_classes(images: LabelledImages, classes: Sequence[int] | None) -> LabelledImages:
    """The images of these digits, in their order; None: all images.

    Raises:
        InputError: no image of these digits.
    """
    if classes is None:
        return images
    kept = np.isin(images.labels, classes)
    if not kept.any():
        raise InputError(f"no images of the digits {', '.join(map(str, classes))}")
    return LabelledImages(images.images[kept], images.labels[kept])


def fingerprint(splits: ImageSplits) -> str:
    """SHA-256 (hex) of the shapes and bytes of both splits, images and labels."""
    digest = hashlib.sha256()
    for split in (splits.train, splits.test):
        for array, dtype in zip(split, ("|u1", "<i4"), strict=True):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype).tobytes())
    return digest.hexdigest()
