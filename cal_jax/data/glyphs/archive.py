"""Rendered faces in one .npz file, without pickle."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.refusals import REASONS, Refusal
from cal_jax.data.readers.arrays import DAMAGED, check_archive
from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

FORMAT = 1
"""Of the file."""

_ARRAYS = {"format", "items", "letters", "faces", "refusals"}
_ACCEPTED = "accepted: a file that save_glyphs wrote"


def save_glyphs(path: Path, glyphs: Glyphs) -> Path:
    """Write glyphs atomically; the same ones give the same bytes.

    Raises:
        InputError: the file cannot be written.
    """
    arrays = {
        "format": np.asarray(FORMAT),
        "items": glyphs.items,
        "letters": np.asarray(glyphs.letters),
        "faces": np.asarray(glyphs.faces, str).reshape(-1, len(Face._fields)),
        "refusals": np.asarray(glyphs.refusals, str).reshape(-1, len(Refusal._fields)),
    }
    return write_archive(path, arrays, zipfile.ZIP_DEFLATED)


def load_glyphs(path: Path) -> Glyphs:
    """Read what ``save_glyphs`` wrote.

    Raises:
        InputError: a file that cannot be read, is damaged or needs pickle, or arrays that are
            missing, of another type or shape, or do not fit each other. It names the file.
    """
    shapes = check_archive(path)
    if set(shapes) != _ARRAYS:
        raise InputError(f"{path}: arrays {', '.join(sorted(shapes)) or 'none'}; {_ACCEPTED}")
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in _ARRAYS}
    except DAMAGED as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}); {_ACCEPTED}") from error
    version, letters = arrays["format"], arrays["letters"]
    if version.shape or version.dtype.kind != "i" or version != FORMAT:
        raise InputError(f"{path}: format {version}; accepted: {FORMAT}")
    if letters.shape or letters.dtype.kind != "U":
        raise InputError(f"{path}: letters {letters.dtype} {letters.shape}; accepted: one string")
    faces = _rows(path, "faces", arrays["faces"], len(Face._fields))
    refusals = [Refusal(*row) for row in _rows(path, "refusals", arrays["refusals"], 3)]
    for refusal in refusals:
        if refusal.reason not in REASONS:
            raise InputError(
                f"{path}: refusals: reason {refusal.reason!r}; accepted: {', '.join(REASONS)}"
            )
    try:
        return Glyphs(
            arrays["items"], str(letters), tuple(Face(*row) for row in faces), tuple(refusals)
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _rows(path: Path, name: str, array: np.ndarray, columns: int) -> list[list[str]]:
    if array.dtype.kind != "U" or array.ndim != 2 or array.shape[1] != columns:
        raise InputError(
            f"{path}: {name} {array.dtype} {array.shape}; accepted: strings [..., {columns}]"
        )
    return array.tolist()


def write_archive(path: Path, arrays: Mapping[str, np.ndarray], compression: int) -> Path:
    """Write arrays atomically as an .npz file; the same ones give the same bytes.

    Args:
        path: of the file.
        arrays: by name; none needs pickle.
        compression: one of ``zipfile``'s.

    Raises:
        InputError: the file cannot be written.
    """
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive:
        for name, array in arrays.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = compression
            archive.writestr(member, body.getvalue())
    return write_atomically(path, whole.getvalue())
