"""Loading of labelled images from any source."""

from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.data.digits import load_digits
from cal_jax.data.download import download_mnist
from cal_jax.data.images import ImageSplits, LabelledImages, fingerprint, hold_back, resize
from cal_jax.data.mnist import load_mnist
from cal_jax.data.prepared import load_prepared, looks_prepared
from cal_jax.errors import InputError
from cal_jax.io.user_cache import user_cache


def load_images(data_dir: Path | None, *, size: int, download: bool = False) -> ImageSplits:
    """Load labelled digits at one image size.

    Args:
        data_dir: a directory with MNIST, prepared by tensorflow-datasets (see
            ``prepared``) or as the four IDX files (see ``mnist``). None: the
            embedded digits, or with ``download`` the directory ``download_directory()``.
        size: height and width of the images returned.
        download: download the published MNIST files into the directory first.

    Returns:
        The published split, images uint8 [M, size, size].

    Raises:
        InputError: no such directory, or an error of the source.
    """
    if download:
        data_dir = data_dir or download_directory()
        download_mnist(data_dir)
    splits = _load(data_dir)
    return splits._replace(
        train=splits.train._replace(images=resize(splits.train.images, size)),
        test=splits.test._replace(images=resize(splits.test.images, size)),
    )


class Evaluation(NamedTuple):
    """Training images, and disjoint images for evaluation."""

    train: LabelledImages
    evaluated: LabelledImages
    name: str
    """mnist or digits."""
    evaluated_on: str
    """test images, or held-back training images."""
    digest: str
    """SHA-256 of both."""

    def about(self, image_size: int) -> dict[str, Any]:
        """The description of the images in a run's record."""
        return {
            "name": self.name,
            "fingerprint": self.digest,
            "image_size": image_size,
            "evaluated_on": self.evaluated_on,
        }


def load_for_evaluation(
    data_dir: Path | None, *, size: int, download: bool = False, held_back: int = 0
) -> Evaluation:
    """Load labelled digits, and choose the images for evaluation.

    Args:
        data_dir, size, download: see ``load_images``.
        held_back: 0 evaluates on test images. Otherwise this many training images
            are held back for evaluation, and test images stay unseen, for
            choosing between configs.

    Raises:
        InputError: see ``load_images`` and ``hold_back``.
    """
    splits = load_images(data_dir, size=size, download=download)
    train, evaluated, kind = splits.train, splits.test, "test images"
    if held_back:
        train, evaluated = hold_back(splits.train, held_back, seed=0)
        kind = "held-back training images"
    digest = fingerprint(ImageSplits(splits.name, train, evaluated))
    return Evaluation(train, evaluated, splits.name, kind, digest)


def download_directory() -> Path:
    """``cal_jax/mnist`` in the user's cache."""
    return user_cache("mnist")


def _load(data_dir: Path | None) -> ImageSplits:
    if data_dir is None:
        return load_digits()
    if not data_dir.is_dir():
        raise InputError(
            f"{data_dir}: not a directory; accepted: a directory with MNIST's four IDX files, "
            "or one prepared by tensorflow-datasets"
        )
    if looks_prepared(data_dir):
        return load_prepared(data_dir)
    return load_mnist(data_dir)
