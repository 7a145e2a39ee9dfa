"""Checkpoints: one Orbax folder a step, written atomically and verified before use.

A folder is written under a temporary name, hashed and flushed, and only then
renamed; its manifest holds the SHA-256 of every file. Restoring verifies the
newest step and falls back to the one before, with a warning, where it is
damaged. The state is a pytree of arrays and numbers; typed PRNG keys are not
saved (keep their uint32 data). With several processes, one of them saves.
"""

import errno
import json
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Any, TypeVar

from cal_jax.errors import InputError
from cal_jax.training import leaves, manifest, orbax_folder

State = TypeVar("State")

_TREE = "tree"
_TEMPORARY = ".saving_"
_REPLACED = ".replaced"
_STEP = re.compile(r"step_(\d{8,})(\.replaced)?")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MARGIN = 1 << 20  # bytes, for the manifest and Orbax's own files


class CheckpointWarning(UserWarning):
    """A damaged checkpoint was skipped; the message names the file."""


def save(
    directory: str | Path,
    step: int,
    state: Any,
    *,
    keep: int = 2,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Save ``state`` as ``directory/step_00001234`` and return that folder.

    The ``keep`` newest intact steps stay (this one among them); older ones are
    removed once this one is complete, and so are remains of interrupted saves.
    ``extra`` is JSON kept in the manifest, see ``read_extra``.

    Raises:
      InputError: the disk is full or the folder cannot be written (older steps
        are intact); a leaf is not an array or a number; an intact newer step
        exists; ``step`` is negative, ``keep`` below one, ``extra`` not JSON.
    """
    directory = Path(directory).absolute()
    if step < 0 or keep < 1:
        raise InputError(f"step must be 0 or more and keep 1 or more: got {step} and {keep}")
    described, arrays, extra = leaves.describe(state), leaves.to_arrays(state), _json(extra or {})
    temporary = directory / f"{_TEMPORARY}{_name(step)}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(leftover)
        _refuse_older(directory, step)
        _require_space(directory, step, sum(array.nbytes for array in arrays))
        temporary.mkdir()
        orbax_folder.write(temporary / _TREE, step, arrays)
        manifest.write(temporary, step=step, leaves=described, extra=extra)
        _publish(temporary, directory / _name(step))
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise InputError(_unsaved(directory, step, reason)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _prune(directory, step, keep)
    return directory / _name(step)


def restore_latest(directory: str | Path, like: State) -> tuple[int, State] | None:
    """The newest intact step and its state, or None without saved steps.

    ``like`` has the wanted structure, shapes and dtypes: each restored leaf has
    its kind (jax array, with its sharding where committed; numpy array or
    scalar; Python number) and the saved bits.

    Warns:
      CheckpointWarning: a newer step is damaged.
    Raises:
      InputError: every step is damaged; the leaves are not those of ``like``;
        a newer version of cal_jax wrote the checkpoint.
    """
    found = _newest_intact(Path(directory).absolute())
    if found is None:
        return None
    folder, body = found
    different = leaves.mismatches(body["leaves"], leaves.describe(like))
    if different:
        raise InputError(f"{folder}: not a checkpoint of this model: {different}")
    arrays = orbax_folder.read(folder / _TREE, body["leaves"])
    return body["step"], leaves.from_arrays(arrays, like)


def read_extra(directory: str | Path) -> dict[str, Any] | None:
    """The ``extra`` of the step that ``restore_latest`` would restore, or None.

    Warns and raises as ``restore_latest``, but for the leaves.
    """
    found = _newest_intact(Path(directory).absolute())
    return None if found is None else found[1]["extra"]


def set_aside(directory: str | Path) -> Path | None:
    """Rename ``directory`` to its first free ``name.old-N``, for ``--from-scratch``.

    Nothing is overwritten or removed. Returns the new name, or None where there
    is no such directory.
    """
    directory = Path(directory).absolute()
    if not directory.exists():
        return None
    number = 1
    while (target := directory.with_name(f"{directory.name}.old-{number}")).exists():
        number += 1
    directory.rename(target)
    return target


def _name(step: int) -> str:
    return f"step_{step:08d}"


def _steps(directory: Path) -> list[tuple[int, Path]]:
    """(step, folder), newest first.

    ``step_N.replaced``, there only where a save of a step that existed already
    was killed between two renames, comes after ``step_N``.
    """
    if not directory.is_dir():
        return []
    matches = [match for path in directory.iterdir() if (match := _STEP.fullmatch(path.name))]
    found = [(int(match[1]), not match[2], directory / match[0]) for match in matches]
    return [(step, path) for step, _, path in sorted(found, reverse=True)]


def _newest_intact(directory: Path) -> tuple[Path, dict[str, Any]] | None:
    steps = _steps(directory)
    damages = []
    for step, folder in steps:
        try:
            body = manifest.read_verified(folder, step)
        except manifest.CorruptError as error:
            damages.append(str(error))
            continue
        for damage in damages:
            message = f"damaged checkpoint passed over: {damage}; step {step} is taken"
            warnings.warn(message, CheckpointWarning, stacklevel=3)
        return folder, body
    if steps:
        raise InputError(
            f"{directory}: all {len(steps)} checkpoints are damaged (the newest: {damages[0]}); "
            "give --from-scratch to set them aside and start again"
        )
    return None


def _refuse_older(directory: Path, step: int) -> None:
    for newer, folder in _steps(directory):
        if newer > step and _intact(folder, newer):
            raise InputError(
                f"{directory}: step {step} would be older than the checkpoint {folder.name}; "
                "resume from it, or give --from-scratch to set it aside"
            )


def _intact(folder: Path, step: int) -> bool:
    try:
        manifest.read_verified(folder, step)
    except manifest.CorruptError:
        return False
    except InputError:  # written by a newer version: neither verified nor removed
        return True
    return True


def _publish(temporary: Path, target: Path) -> None:
    """Renames; a folder of the same step steps back, and is still found if we are killed."""
    replaced = target.with_name(target.name + _REPLACED)
    if target.exists() and replaced.exists():
        _remove(target)
    elif target.exists():
        target.rename(replaced)
    temporary.rename(target)
    manifest.sync_folder(target.parent)
    if replaced.exists():
        _remove(replaced)


def _prune(directory: Path, step: int, keep: int) -> None:
    """Keep the newest ``keep`` intact steps; damaged ones do not count."""
    older = [(other, folder) for other, folder in _steps(directory) if other < step]
    kept = 1
    for other, folder in older if len(older) >= keep else []:
        if kept >= keep:
            _remove(folder)
        else:
            kept += _intact(folder, other)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _require_space(directory: Path, step: int, wanted: int) -> None:
    """Refuse a full disk, which Orbax reports with pages of log."""
    free = shutil.disk_usage(directory).free
    if free < wanted + _MARGIN:
        sizes = f"{free >> 20} MiB free, {(wanted + _MARGIN) >> 20} MiB wanted"
        raise InputError(_unsaved(directory, step, f"the disk is full ({sizes})"))


def _unsaved(directory: Path, step: int, reason: str) -> str:
    return f"{directory}: step {step} was not saved: {reason}; older steps are intact"


def _reason(error: Exception) -> str | None:
    """The reason of a disk error; None for other errors."""
    texts = [os.strerror(code) for code in _FULL]
    if getattr(error, "errno", None) in _FULL or any(text in str(error) for text in texts):
        return "the disk is full"
    return error.strerror if isinstance(error, OSError) else None


def _json(extra: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(extra, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"extra: not JSON: {error}") from error
