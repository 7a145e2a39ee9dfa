"""Gathers the published tables from several runs.

    python -m experiments.results gather runs/bw-0 runs/bw-1
    python -m experiments.results gather results/black_and_white-cpu.json runs/bw-2
    python -m experiments.results gather --variant narrow runs/narrow-0 runs/narrow-1
    python -m experiments.results readme --check

`gather` joins the runs of one experiment and preset; the published tables are written from
the joined files and checked against them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cal_jax.errors import InputError
from experiments.results.gather import gather, write
from experiments.results.pages import update_page


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "gather":
            print(write(gather(options.sources, options.variant), options.out))
        else:
            changed = update_page(options.readme, options.results, check=options.check)
            print(f"{options.readme} {'rewritten' if changed else 'is up to date'}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.results",
        description="Joins runs into published results and writes the published tables from them.",
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
        "--variant", metavar="WORD", help="follows the preset's name: how it was changed"
    )
    readme = actions.add_parser("readme", help="write the tables between the README's markers")
    readme.add_argument("--check", action="store_true", help="fail if a table is out of date")
    readme.add_argument("--readme", type=Path, default=Path("README.md"), help="%(default)s")
    readme.add_argument("--results", type=Path, default=Path("results"), help="%(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
