"""Reader of a tree of folders named after factor values: ``VALUE_1/VALUE_2/*.png``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.images import SUFFIXES, Mode, decode_images, inside
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError


def read_image_tree(
    folder: Path, factors: Sequence[str], *, mode: Mode | None = None
) -> FactorDataset:
    """Read the images of all folders, sorted by path; hidden files are ignored.

    Args:
        folder: the root.
        factors: name of the factor of each level below the root, from the top.
        mode: see ``images.decode_images``.

    Raises:
        InputError: no such folder; no images, or one at a depth other than that of
            ``factors``; a file that is no image; or see the images and ``FactorDataset``.
            It names the file.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; accepted: a tree of folders of images")
    if isinstance(factors, str) or not factors or len(set(factors)) < len(factors):
        raise InputError(f"factors {factors!r}; accepted: one name a level of folders, each once")
    form = "/".join([*(f"<{name}>" for name in factors), "*.png"])
    found = []
    for path in _files(folder):
        place = path.relative_to(folder)
        if len(place.parts) != len(factors) + 1:
            raise InputError(f"{path}: {len(place.parts) - 1} folders deep; accepted: {form}")
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path}: no image's name; accepted: {', '.join(SUFFIXES)}")
        found.append(inside(folder, str(place), f"{folder}:"))
    if not found:
        raise InputError(f"{folder}: no images; accepted: {form}")
    values = [path.relative_to(folder).parts[:-1] for path in found]
    columns = {name: [one[level] for one in values] for level, name in enumerate(factors)}
    return built(folder, decode_images(found, mode), columns)


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, sorted; links to folders are not followed."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path
