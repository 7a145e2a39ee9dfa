"""Reader of image files into one array, with Pillow."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cal_jax.data.factor_table import listed
from cal_jax.errors import InputError

Mode = Literal["L", "RGB"]
"""Grey levels, or colours."""

CHANNELS = {"L": 1, "RGB": 3}

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

MAX_BYTES = 1 << 36
"""Of all images together."""


def decode_images(paths: Sequence[Path], mode: Mode | None = None) -> np.ndarray:
    """Decode images of one size into an array.

    Args:
        paths: of the files, 1 or more.
        mode: of the result. None: the images must all be grey, or all RGB.

    Returns:
        uint8 [I, H, W, 1] of grey images, [I, H, W, 3] of colours.

    Raises:
        InputError: Pillow is missing; a file that is no image, is damaged, of another size
            than the first, or of a kind that needs ``mode``. It names the file.
    """
    if mode is not None and mode not in CHANNELS:
        raise InputError(f"mode {mode!r}; accepted: {', '.join(CHANNELS)}, or None")
    pillow = _pillow(paths[0])
    pixels = None
    for row, path in enumerate(paths):
        with _opened(pillow, path, path) as image:
            found = mode or image.mode
            if image.mode not in CHANNELS and (mode is None or image.mode[0] in "IF"):
                raise InputError(
                    f"{path}: mode {image.mode}; accepted: L (grey) or RGB of 8 bits, or mode='L' "
                    "or 'RGB' to convert images of 8 bits"
                )
            shape = (image.height, image.width, CHANNELS[found])
            if pixels is None:
                if len(paths) * np.prod(shape, dtype=np.int64) > MAX_BYTES:
                    raise InputError(
                        f"{path}: {len(paths)} images of {shape}; "
                        f"accepted: {MAX_BYTES} bytes in all"
                    )
                pixels = np.empty((len(paths), *shape), np.uint8)
            if shape != pixels.shape[1:]:
                raise InputError(
                    f"{path}: height, width and channels {shape}; "
                    f"accepted: {pixels.shape[1:]}, as of {paths[0]}"
                )
            pixels[row] = _decoded(image, found, path).reshape(shape)
    assert pixels is not None
    return pixels


def decode_grey(data: bytes, said: str, shape: tuple[int, int]) -> np.ndarray:
    """Decode the bytes of one image file of a known size.

    Args:
        data: of the file.
        said: what it is called; it opens the message.
        shape: (height, width).

    Returns:
        uint8 [H, W], grey levels.

    Raises:
        InputError: Pillow is missing; no image, a damaged one, or of another size.
    """
    with _opened(_pillow(said), io.BytesIO(data), said) as image:
        if (image.height, image.width) != shape:
            found = (image.height, image.width)
            raise InputError(f"{said}: height and width {found}; accepted: {shape}")
        return _decoded(image, "L", said)


def _pillow(path: Path | str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(
            f"{path}: images need Pillow, which is missing; accepted: pip install 'cal-jax[data]'"
        ) from error
    return Image


def _opened(pillow: Any, file: Path | io.BytesIO, path: Path | str) -> Any:
    """Open an image without reading its pixels; ``path`` names it in messages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            return pillow.open(file, formats=FORMATS)
    except Exception as error:  # Pillow's readers raise arbitrary exceptions, SyntaxError included
        raise InputError(
            f"{path}: no image ({type(error).__name__}); accepted: {listed(FORMATS)}"
        ) from error


def _decoded(image: Any, mode: str, path: Path | str) -> np.ndarray:
    try:
        return np.asarray(image.convert(mode))
    except Exception as error:  # as above
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{path}: damaged ({lines[0]}); accepted: a whole image") from error


def inside(folder: Path, name: str, said: str) -> Path:
    """The file of this name inside a folder.

    Raises:
        InputError: it is outside the folder, also through a link, or is no file. ``said``
            opens the message.
    """
    path = folder / name
    if "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{said} {name!r} leaves {folder}; accepted: files inside it")
    if not path.is_file():
        raise InputError(f"{said} {name!r} is no file; accepted: files in {folder}")
    return path
