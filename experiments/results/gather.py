"""Joins runs of one experiment and preset that differ only in the seed.

A joined file stands for its runs, so that later seeds can be added to it.
"""

import json
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from cal_jax.io.run_folder import CONFIG_FILE
from experiments.results.record import read_json, read_run

SHARED = ("experiment", "preset", "config", "versions", "oracle", "data", "thesis")
_SEED = re.compile(r"--seed[= ]\S+")
_WORD = re.compile(r"[\w.-]+")


def gather(sources: Iterable[Path], variant: str | None = None) -> dict[str, Any]:
    """One result of several runs that differ in nothing but the seed, in order of seed.

    Args:
      sources: run directories, and files that this function's results were written to.
      variant: what tells a preset whose fields flags have changed from the preset itself;
        it follows the preset's name.

    Raises:
      InputError: no runs, runs that differ in more, a seed that occurs twice, or a variant
        that is no word of letters, digits, dots, dashes and underscores.
    """
    if variant is not None and not _WORD.fullmatch(variant):
        raise InputError(f"--variant {variant!r}; accepted: letters, digits and . - _")
    found = ((_of_variant(run, variant), path) for path in sources for run in _runs_of(Path(path)))
    runs = sorted(found, key=lambda pair: pair[0]["seed"])
    if not runs:
        raise InputError("no runs given")
    first, first_dir = runs[0]
    for run, path in runs[1:]:
        for field in SHARED:
            if run[field] != first[field]:
                raise InputError(f"{path} and {first_dir} differ in {field}: they cannot be mixed")
        if _general(run["command"]) != _general(first["command"]):
            raise InputError(f"{path} and {first_dir} differ in command: they cannot be mixed")
        odd = sorted(set(run["scores"]) ^ set(first["scores"]))
        if odd:
            raise InputError(f"{path} and {first_dir} do not both have {', '.join(odd)}")
    seeds = [run["seed"] for run, _ in runs]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"the same seed occurs twice among {seeds}")
    return {
        "experiment": first["experiment"],
        "preset": first["preset"],
        "config": first["config"],
        "command": _general(first["command"]),
        "seeds": seeds,
        "devices": [run["device"] for run, _ in runs],
        "versions": first["versions"],
        "revisions": [run["revision"] for run, _ in runs],
        "seconds": [run["seconds"] for run, _ in runs],
        "oracle": first["oracle"],
        "data": first["data"],
        "thesis": first["thesis"],
        "scores": {
            name: _joined(name, [run["scores"][name] for run, _ in runs])
            for name in first["scores"]
        },
    }


def write(results: dict[str, Any], directory: Path) -> Path:
    """Writes a gathered result as `<experiment>-<preset>.json` and returns the path."""
    path = Path(directory) / f"{results['experiment']}-{results['preset']}.json"
    body = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomically(path, (body + "\n").encode())


def _of_variant(run: dict[str, Any], variant: str | None) -> dict[str, Any]:
    """The run with its variant after its preset's name, unless it was joined with it before."""
    preset = run["preset"]
    if variant is None or preset.endswith(f"-{variant}"):
        return run
    return {**run, "preset": f"{preset}-{variant}"}


def _runs_of(source: Path) -> list[dict[str, Any]]:
    return _parted(source) if source.is_file() else [_with_config(source)]


def _parted(path: Path) -> list[dict[str, Any]]:
    """A joined file as its runs; each has the mean of their ceilings."""
    joined = read_json(path)
    try:
        shared = {name: joined[name] for name in (*SHARED, "command")}
        return [
            {
                **shared,
                "seed": seed,
                "device": joined["devices"][index],
                "revision": joined["revisions"][index],
                "seconds": joined["seconds"][index],
                "scores": {
                    name: {
                        "value": score["values"][index],
                        "ceiling": score["ceiling"],
                        "unit": score["unit"],
                    }
                    for name, score in joined["scores"].items()
                },
            }
            for index, seed in enumerate(joined["seeds"])
        ]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a gathered result: {error!r}") from error


def _with_config(run_dir: Path) -> dict[str, Any]:
    """A run's record, and the resolved config that it was trained with, without the seed."""
    config = read_json(Path(run_dir) / CONFIG_FILE)
    config.pop("seed", None)
    return {**read_run(run_dir), "config": config}


def _general(command: str) -> str:
    """The command, its seed a placeholder."""
    return _SEED.sub("--seed SEED", command)


def _joined(name: str, scores: list[dict[str, Any]]) -> dict[str, Any]:
    ceilings = [score["ceiling"] for score in scores]
    if len({score["unit"] for score in scores}) > 1 or len({c is None for c in ceilings}) > 1:
        raise InputError(f"the runs differ in the unit or in having a ceiling of {name}")
    return {
        "values": [score["value"] for score in scores],
        "ceiling": None if ceilings[0] is None else statistics.fmean(ceilings),
        "unit": scores[0]["unit"],
    }
