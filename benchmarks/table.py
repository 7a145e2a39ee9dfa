"""Writes the tables of docs/engineering/benchmarks.md from results/benchmark-*.json.

    python -m benchmarks.table           # rewrite them
    python -m benchmarks.table --check   # fail where they are out of date

Each stands between <!-- results:NAME ... --> and <!-- /results:NAME ... -->, as those
of docs/results do; NAME.json are records of one kind of benchmark.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import RESULTS
from benchmarks.tables import tables
from cal_jax.cli import program as command_line
from experiments.results.pages import update_page

PAGE = Path("docs/engineering/benchmarks.md")
COMMAND = "python -m benchmarks.table"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 2 for input that cannot be used."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="fail if a table is out of date")
    parser.add_argument("--page", type=Path, default=PAGE, help="default: %(default)s")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: %(default)s")
    flags = parser.parse_args(arguments)

    def program() -> None:
        changed = update(flags.page, flags.results, check=flags.check)
        print(f"{flags.page} {'rewritten' if changed else 'is up to date'}")

    return command_line.exit_code(program)


def update(page: Path, results: Path, *, check: bool = False) -> bool:
    """Rewrite a page's tables; see ``experiments.results.pages.update_page``."""
    return update_page(page, results, check=check, render=tables, command=COMMAND)


if __name__ == "__main__":
    sys.exit(main())
