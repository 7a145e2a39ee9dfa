"""Files of a published zip, or of the folder that it was unpacked to."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cal_jax.data.readers.images import inside
from cal_jax.errors import InputError

MAX_BYTES = 1 << 30
"""Of all files together, unpacked."""


def read_members(directory: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """The files of ``NAME.zip``, or of the folder ``NAME``, sorted by path.

    A zip's own top folder ``NAME/`` is left out of the paths; hidden files and the folder
    ``__MACOSX`` are ignored. A file is read when it is asked for.

    Args:
        directory: that holds the zip or the folder; the zip is taken where both are there.
        name: without the suffix.

    Yields:
        (path inside, with "/" between folders; its bytes).

    Raises:
        InputError: neither is there; a zip that is damaged, encrypted or unpacks to more than
            ``MAX_BYTES``; a path that leaves the zip or the folder. It names the file.
    """
    archive, folder = Path(directory) / f"{name}.zip", Path(directory) / name
    if archive.is_file():
        return _of_zip(archive, name)
    if folder.is_dir():
        return _of_folder(folder)
    raise InputError(f"{archive}: no such file; accepted: {name}.zip, or its folder {name}")


def _of_zip(path: Path, top: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            files = sorted(
                (file for file in archive.infolist() if not file.is_dir()),
                key=lambda file: file.filename,
            )
            total = sum(file.file_size for file in files)
            if total > MAX_BYTES:
                raise InputError(f"{path}: unpacks to {total} bytes; accepted: {MAX_BYTES}")
            for file in files:
                parts = _parts(path, file.filename)
                parts = parts[1:] if parts[0] == top else parts
                if parts and not _ignored(parts):
                    yield "/".join(parts), archive.read(file)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path}: damaged or encrypted ({type(error).__name__}); accepted: a plain zip"
        ) from error


def _parts(path: Path, name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if "\\" in name or ":" in name or name.startswith("/") or ".." in parts:
        raise InputError(f"{path}: {name!r} leaves the zip; accepted: paths inside it")
    return parts


def _ignored(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _of_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() or _ignored(parts):
            continue
        try:
            yield "/".join(parts), inside(folder, "/".join(parts), f"{folder}:").read_bytes()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; accepted: a file to read") from error
