"""The record of a run, `scores.json`, validated when written and when read."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from cal_jax.metrics.scores import UNITS, Score

RUN_FILE = "scores.json"
RUN_FIELDS: dict[str, type | tuple[type, ...]] = {
    "experiment": str,
    "preset": str,
    "command": str,
    "seed": int,
    "device": str,
    "versions": dict,
    "revision": (str, type(None)),
    "seconds": (int, float),
    "oracle": (dict, type(None)),
    "data": dict,
    "thesis": dict,
    "scores": dict,
}
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def score_fields(scores: Mapping[str, Score]) -> dict[str, dict[str, Any]]:
    """Scores as the `scores` field of a run holds them."""
    return {name: score._asdict() for name, score in scores.items()}


def write_run(run_dir: Path, run: Mapping[str, Any]) -> Path:
    """Writes a run's `scores.json` and returns its path."""
    path = Path(run_dir) / RUN_FILE
    _check(path, run)
    body = json.dumps(run, indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomically(path, (body + "\n").encode())


def read_run(run_dir: Path) -> dict[str, Any]:
    """A run's `scores.json`."""
    path = Path(run_dir) / RUN_FILE
    run = read_json(path)
    _check(path, run)
    return run


def read_text(path: Path) -> str:
    """A text file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} does not hold an object")
    return value


def _check(path: Path, run: Mapping[str, Any]) -> None:
    for field, kind in RUN_FIELDS.items():
        if field not in run:
            raise InputError(f"{path} lacks {field!r}")
        if not isinstance(run[field], kind) or isinstance(run[field], bool):
            raise InputError(f"{path}: {field!r} cannot be {run[field]!r}")
    for field in ("experiment", "preset"):
        if not _NAME.fullmatch(run[field]):
            raise InputError(f"{path}: {field!r} must be letters, digits, '_', '.' or '-'")
    for group, names in (("oracle", ("digest", "accuracy")), ("data", ("name", "fingerprint"))):
        missing = [name for name in names if run[group] is not None and name not in run[group]]
        if missing:
            raise InputError(f"{path}: {group!r} lacks {', '.join(missing)}")
    if not run["scores"]:
        raise InputError(f"{path} has no scores")
    for name, score in run["scores"].items():
        _check_score(path, name, score)


def _check_score(path: Path, name: str, score: Any) -> None:
    if not isinstance(score, dict) or set(score) != {"value", "ceiling", "unit"}:
        raise InputError(f"{path}: score {name} needs value, ceiling and unit")
    if score["unit"] not in UNITS:
        raise InputError(f"{path}: unit of {name} must be one of {', '.join(UNITS)}")
    numbers = [score["value"]] + ([] if score["ceiling"] is None else [score["ceiling"]])
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{path}: score {name} has {number!r} where a number belongs")
        if not math.isfinite(number):
            raise InputError(f"{path}: score {name} is {number}")
