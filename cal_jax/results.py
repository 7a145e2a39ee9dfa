"""The published tables, made of several runs.

`gather` joins the runs of one experiment and preset that differ in nothing but the
seed; the README's tables are written from the joined files and checked against them.
A joined file stands for its runs, so that later seeds can be added to it.

    python -m cal_jax.results gather runs/bw-0 runs/bw-1
    python -m cal_jax.results gather results/black_and_white-cpu.json runs/bw-2
    python -m cal_jax.results gather --variant narrow runs/narrow-0 runs/narrow-1
    python -m cal_jax.results readme --check
"""

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from cal_jax.edge.atomic import write_atomically
from cal_jax.edge.run_folder import CONFIG_FILE
from cal_jax.errors import InputError
from cal_jax.evaluation.run_record import read_json, read_run, read_text
from cal_jax.result_tables import compared, single

SHARED = ("experiment", "preset", "config", "versions", "oracle", "data", "thesis")
_SEED = re.compile(r"--seed[= ]\S+")
_WORD = re.compile(r"[\w.-]+")
_BLOCK = re.compile(
    r"(<!-- results:([\w.-]+(?: [\w.-]+)*(?: \|(?: \w+)+)?) -->\n)(.*?)(<!-- /results:\2 -->)",
    re.DOTALL,
)


def gather(sources: Iterable[Path], variant: str | None = None) -> dict[str, Any]:
    """One result of several runs that differ in nothing but the seed, in order of seed.

    Args:
      sources: run directories, and files that this function's results were written to.
      variant: what tells a preset that was changed by ``--set`` from the preset itself;
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


def gathered_tables(results: list[dict[str, Any]]) -> str:
    """One gathered result as a table, or several side by side."""
    return single(results[0]) if len(results) == 1 else compared(results)


def update_readme(
    path: Path,
    results_dir: Path,
    *,
    check: bool = False,
    render: Callable[[list[dict[str, Any]]], str] = gathered_tables,
    command: str = "python -m cal_jax.results readme",
) -> bool:
    """Rewrites each text between `<!-- results:NAME -->` and `<!-- /results:NAME -->`.

    Several names, with blanks between them, are compared in one table. Names of scores after
    a bar, as in `NAME NAME | accuracy nmi`, are its only rows; the first must have them all.

    Args:
        path: the README, or another page.
        results_dir: where `NAME.json` lies.
        check: only compare, and raise InputError where the text is out of date.
        render: the results between two markers as Markdown.
        command: what brings the page up to date, for the message.

    Returns:
        Whether the file was changed.
    """
    text = read_text(path)
    blocks = [match.group(2) for match in _BLOCK.finditer(text)]
    opened = re.findall(r"<!-- results:(.+?) -->", text)
    if not opened or blocks != opened or len(re.findall("<!-- /results:", text)) != len(opened):
        raise InputError(f"{path} needs pairs of <!-- results:NAME --> and <!-- /results:NAME -->")

    def block(match: re.Match[str]) -> str:
        names, _, rows = match.group(2).partition("|")
        sources = [Path(results_dir) / f"{name}.json" for name in names.split()]
        results = [read_json(source) for source in sources]
        try:
            body = render(_with_rows(results, rows.split()))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            paths = " or ".join(map(str, sources))
            raise InputError(f"{paths} is not a gathered result: {error!r}") from error
        return f"{match.group(1)}\n{body}\n{match.group(4)}"

    updated = _BLOCK.sub(block, text)
    if updated == text:
        return False
    if check:
        raise InputError(f"{path} is out of date: run {command}")
    write_atomically(path, updated.encode())
    return True


def _with_rows(results: list[dict[str, Any]], rows: Sequence[str]) -> list[dict[str, Any]]:
    """The results with these scores alone, in this order; with none named, as they are.

    Raises:
        KeyError: the first result lacks one; another may.
    """
    if not rows:
        return results
    first = results[0]["scores"]
    return [
        {**one, "scores": {name: one["scores"].get(name) for name in rows if first[name]}}
        for one in results
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "gather":
            print(write(gather(options.sources, options.variant), options.out))
        else:
            changed = update_readme(options.readme, options.results, check=options.check)
            print(f"{options.readme} {'rewritten' if changed else 'is up to date'}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cal_jax.results",
        description="Joins runs into published results and writes the README's tables from them.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    joins = actions.add_parser("gather", help="join runs that differ only in the seed")
    joins.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="a run's folder, with its scores.json, or the file of runs joined before",
    )
    joins.add_argument("--out", type=Path, default=Path("results"), help="default: %(default)s")
    joins.add_argument(
        "--variant", metavar="WORD", help="follows the preset's name: what --set made of it"
    )
    readme = actions.add_parser("readme", help="write the tables between the README's markers")
    readme.add_argument("--check", action="store_true", help="fail if a table is out of date")
    readme.add_argument("--readme", type=Path, default=Path("README.md"), help="%(default)s")
    readme.add_argument("--results", type=Path, default=Path("results"), help="%(default)s")
    return parser


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


if __name__ == "__main__":
    sys.exit(main())
