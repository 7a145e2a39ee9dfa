"""What every experiment's command line shares: flags, exit codes, one-line errors."""

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.configuration import override
from cal_jax.errors import InputError, NotFiniteError
from cal_jax.provenance import source_revision

BAD_INPUT = 2
DIVERGED = 1


class Request(NamedTuple):
    """One run as asked for on the command line."""

    preset: str
    config: Any
    """The preset with ``--set`` applied."""
    command: str
    """What reproduces the run, without local paths."""
    revision: str | None
    """Of the source, when the program started."""
    data_dir: Path | None
    download: bool
    run_dir: Path | None
    oracle_dir: Path | None
    seed: int
    devices: int | None
    held_back: int
    """Training images held back for evaluation; 0 evaluates on test images."""
    from_scratch: bool


def request(
    module: str,
    description: str,
    presets: Mapping[str, Any],
    arguments: Sequence[str] | None,
    *,
    images: bool = True,
    oracle: bool = True,
) -> Request:
    """Parse an experiment's flags.

    Args:
      module: its name, as in ``python -m experiments.black_and_white``.
      description: for ``--help``.
      presets: configs by name; each has a one-line docstring field ``summary``.
      arguments: without the program; None reads the command line.
      images: whether it reads images, and takes the flags that choose them.
      oracle: whether a trained classifier reads its scores, and has a folder.

    Raises:
      InputError: an unknown preset or field. Other bad flags exit with code 2.
    """
    parser = _parser(module, description, presets)
    if images:
        _add_image_flags(parser)
    if oracle:
        _add_oracle_flag(parser)
    parser.set_defaults(data_dir=None, download=False, held_back=0, oracle_dir=None)
    flags = parser.parse_args(arguments)
    if flags.preset not in presets:
        raise InputError(f"--preset {flags.preset}: accepted are {', '.join(presets)}")
    if not 0 <= flags.seed < 2**32:
        raise InputError(f"--seed {flags.seed}: accepted are 0 to 2^32 - 1")
    if flags.held_back < 0:
        raise InputError(f"--held-back {flags.held_back}: accepted are 0 and above")
    return Request(
        preset=flags.preset,
        config=override(presets[flags.preset], flags.set),
        command=_command(module, flags),
        revision=source_revision(),
        data_dir=flags.data_dir,
        download=flags.download,
        run_dir=flags.run_dir,
        oracle_dir=flags.oracle_dir,
        seed=flags.seed,
        devices=flags.devices,
        held_back=flags.held_back,
        from_scratch=flags.from_scratch,
    )


def exit_code(program: Callable[[], None]) -> int:
    """Run a program: 0, or after one line on stderr 2 for bad input, 1 for diverged training."""
    try:
        program()
    except (InputError, NotFiniteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else DIVERGED
    return 0


def require_packages(*names: str) -> None:
    """Refuse to start without what would be missed only after training.

    Raises:
      InputError: a package is not installed.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"{', '.join(missing)}: not installed; accepted: the extra cal-jax[experiments]"
        )


def _parser(module: str, description: str, presets: Mapping[str, Any]) -> argparse.ArgumentParser:
    summaries = "\n".join(f"  {name:8} {config.summary}" for name, config in presets.items())
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        epilog=f"presets:\n{summaries}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", default="smoke", metavar="NAME", help=", ".join(presets))
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="R",
        help="where the run writes, and resumes (default: runs/<experiment>-<preset>-...)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--devices", type=int, help="how many to use (default: all)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="replace a field of the preset, as model.norm=layer; repeatable",
    )
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="set the run folder's checkpoints aside and start again",
    )
    return parser


def _add_image_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="MNIST: the four IDX files (.gz or not), or a directory prepared by "
        "tensorflow-datasets; without it, scikit-learn's embedded 8x8 digits",
    )
    parser.add_argument(
        "--download",
        action="store_true",
        help="download MNIST first, into --data-dir or the user's cache",
    )
    parser.add_argument(
        "--held-back",
        type=int,
        default=0,
        metavar="COUNT",
        help="for choosing between configs: hold COUNT training images back and evaluate "
        "on them; test images stay unseen (default: 0, evaluate on test images)",
    )


def _add_oracle_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--oracle-dir",
        type=Path,
        metavar="O",
        help="where trained oracles are kept (default: oracles/ beside the run folder)",
    )


def _command(module: str, flags: argparse.Namespace) -> str:
    words = ["python", "-m", module, "--preset", flags.preset]
    if flags.data_dir is not None or flags.download:
        words += ["--data-dir", "DIR"]
    words += ["--seed", str(flags.seed)]
    if flags.held_back:
        words += ["--held-back", str(flags.held_back)]
    for assignment in flags.set:
        words += ["--set", assignment]
    return shlex.join(words)
