"""Reader of a folder of fonts."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from cal_jax.cli.progress import Progress
from cal_jax.data.glyphs.font_file import FontFile, font_paths, open_font, said
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.names import read_names
from cal_jax.data.glyphs.needs import needed
from cal_jax.data.glyphs.recognise import picture_refusal
from cal_jax.data.glyphs.refusals import (
    BLANK,
    BROKEN,
    DUPLICATE,
    Refusal,
    image_refusal,
    small_caps_refusal,
    table_refusal,
)
from cal_jax.data.glyphs.render import LETTERS, ink_boxes, render_letters
from cal_jax.errors import InputError


def read_fonts(folder: Path, letters: str = LETTERS, *, silent: bool = False) -> Glyphs:
    """Render the letters of every font in a folder and in those inside it.

    Faces come in the order of their relative paths, so that the same folder always gives the
    same arrays. A face is left out, with a reason, where it is no usable alphabet
    (``refusals.REASONS``).

    Args:
        folder: of .ttf, .otf, .woff and .woff2 files; of a collection (.ttc), the first face.
        letters: to render, some of A-Z and a-z, each once. They decide a face's scale.
        silent: show no progress.

    Raises:
        InputError: the extra ``fonts`` is missing, no such folder, no font in it, other letters,
            or no font that is not refused.
    """
    if not letters or not set(letters) <= set(LETTERS) or len(set(letters)) < len(letters):
        raise InputError(f"letters {letters!r}; accepted: some of {LETTERS}, each once")
    for module in ("fontTools.ttLib", "PIL.ImageFont"):
        needed(module)
    paths = font_paths(folder)
    images: list[np.ndarray] = []
    faces: list[Face] = []
    files: dict[bytes, str] = {}
    refusals: list[Refusal] = []
    with Progress(len(paths), "reading fonts", unit="font", silent=silent) as progress:
        for count, path in enumerate(paths, start=1):
            file = path.relative_to(folder).as_posix()
            found = read_face(path, file, letters)
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                face, made = found
                digest = hashlib.sha256(made.tobytes()).digest()
                if digest in files:
                    refusals.append(Refusal(file, DUPLICATE, f"of {files[digest]}"))
                else:
                    files[digest] = file
                    images.append(made)
                    faces.append(face)
            progress.update(count, {"refused": len(refusals)})
    if not faces:
        first = refusals[0]
        raise InputError(
            f"{folder}: all {len(paths)} fonts refused, {first.file}: {first.reason} "
            f"({first.detail}); accepted: a folder with one that has the letters {letters}"
        )
    return Glyphs(np.stack(images), letters, _named_apart(faces), tuple(refusals))


def read_face(path: Path, file: str, letters: str) -> tuple[Face, np.ndarray] | Refusal:
    """One font file.

    Args:
        path: of the file.
        file: its name in what is returned.
        letters: to render, L of them.

    Returns:
        The face and its images uint8 [L, S, S], or why it is refused.
    """
    try:
        font = open_font(path)
    except InputError as error:
        return Refusal(
            file, BROKEN, str(error).partition("; accepted")[0].removeprefix(f"{path}: ")
        )
    try:
        refused = table_refusal(font.tables, letters)
        if refused is not None:
            return Refusal(file, *refused)
        made = _rendered(font, letters)
        if isinstance(made, str):
            return Refusal(file, BLANK, made)
        names = read_names(font.tables, fallback=path.stem)
    except InputError:
        raise
    except Exception as error:  # fontTools and FreeType raise arbitrary ones on damaged files
        return Refusal(file, BROKEN, said(error))
    refused = (
        image_refusal(made, letters)
        or picture_refusal(made, letters, names.family)
        or small_caps_refusal(made, letters)
    )
    if refused is not None:
        return Refusal(file, *refused)
    return Face(**names._asdict(), file=file), made


def _rendered(font: FontFile, letters: str) -> np.ndarray | str:
    """The images uint8 [L, S, S], or the letters that are blank."""
    boxes = ink_boxes(font, letters)
    blank = "".join(letter for letter in letters if letter not in boxes)
    return blank if blank else render_letters(font, boxes)


def _named_apart(faces: list[Face]) -> tuple[Face, ...]:
    """Faces of the same name with their files beside it."""
    counts = Counter(face.name for face in faces)
    return tuple(
        face if counts[face.name] == 1 else face._replace(name=f"{face.name} [{face.file}]")
        for face in faces
    )
