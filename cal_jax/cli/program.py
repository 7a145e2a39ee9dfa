"""What every experiment's command line shares: flags, exit codes, one-line errors."""

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.cli.compilation_cache import OFF, keep_compiled
from cal_jax.cli.garbage import collect_rarely
from cal_jax.cli.host_devices import divide_host
from cal_jax.cli.input_flags import add_image_flags, add_oracle_flag, add_weights_flag
from cal_jax.cli.processes import (
    Distributed,
    add_distributed_flags,
    connected,
    read_distributed_flags,
)
from cal_jax.config import override
from cal_jax.errors import BAD_INPUT, FAILED, InputError, LostProcessError, NotFiniteError
from cal_jax.io.provenance import cores, source_revision


class Request(NamedTuple):
    """One run as asked for on the command line."""

    preset: str
    config: Any
    """The preset with ``--set`` applied."""
    as_preset: bool
    """Whether that is the preset as it was: ``--set`` changed nothing."""
    command: str
    """What reproduces the run, without local paths."""
    revision: str | None
    """Of the source, when the program started."""
    data_dir: Path | None
    download: bool
    run_dir: Path | None
    oracle_dir: Path | None
    weights: Path | None
    """Of a trained model, where nothing is trained."""
    seed: int
    """The first of the seeds."""
    seeds: int
    """How many are trained together: this one and those that follow."""
    devices: int | None
    held_back: int
    """Training images held back for evaluation; 0 evaluates on test images."""
    from_scratch: bool
    remat: bool
    """Whether what a gradient needs is recomputed, to save memory."""
    compilation_cache: str | None
    """See ``compiled.keep_compiled``."""
    distributed: Distributed


class Choice(NamedTuple):
    """A flag that makes a variant of every preset."""

    name: str
    """Of the flag, without dashes."""
    accepted: Sequence[str]
    default: str
    help: str
    apply: Callable[[Any, Any], Any]
    """(config, value) -> config; of several choices the first is applied first."""


def request(
    module: str,
    description: str,
    presets: Mapping[str, Any],
    arguments: Sequence[str] | None,
    *,
    images: bool = True,
    oracle: bool = True,
    weights: bool = False,
    choices: Sequence[Choice] = (),
) -> Request:
    """Parse an experiment's flags.

    Args:
      module: its name, as in ``python -m experiments.black_and_white``.
      description: for ``--help``.
      presets: configs by name; each has a one-line docstring field ``summary``.
      arguments: without the program; None reads the command line.
      images: whether it reads images, and takes the flags that choose them.
      oracle: whether a trained classifier reads its scores, and has a folder.
      weights: whether it starts from a trained model's file.
      choices: further flags, applied to the preset before ``--set``.

    Raises:
      InputError: an unknown preset or field. Other bad flags exit with code 2.
    """
    parser = _parser(module, description, presets)
    if images:
        add_image_flags(parser)
    if oracle:
        add_oracle_flag(parser)
    if weights:
        add_weights_flag(parser)
    for choice in choices:
        parser.add_argument(
            f"--{choice.name}",
            choices=choice.accepted,
            default=choice.default,
            help=f"{choice.help} (default: {choice.default})",
        )
    parser.set_defaults(data_dir=None, download=False, held_back=0, oracle_dir=None, weights=None)
    flags = parser.parse_args(arguments)
    if flags.preset not in presets:
        raise InputError(f"--preset {flags.preset}: accepted are {', '.join(presets)}")
    if not 0 <= flags.seed < 2**32:
        raise InputError(f"--seed {flags.seed}: accepted are 0 to 2^32 - 1")
    if not 1 <= flags.seeds <= 2**32 - flags.seed:
        raise InputError(f"--seeds {flags.seeds}: accepted are 1 and above, the last below 2^32")
    if flags.held_back < 0:
        raise InputError(f"--held-back {flags.held_back}: accepted are 0 and above")
    config = presets[flags.preset]
    for choice in choices:
        config = choice.apply(config, getattr(flags, choice.name))
    return Request(
        preset=flags.preset,
        config=(asked := override(config, flags.set)),
        as_preset=asked == config,
        command=_command(module, flags, choices),
        revision=source_revision(),
        data_dir=flags.data_dir,
        download=flags.download,
        run_dir=flags.run_dir,
        oracle_dir=flags.oracle_dir,
        weights=flags.weights,
        seed=flags.seed,
        seeds=flags.seeds,
        devices=flags.devices,
        held_back=flags.held_back,
        from_scratch=flags.from_scratch,
        remat=flags.remat,
        compilation_cache=flags.compilation_cache,
        distributed=read_distributed_flags(flags),
    )


def each_seed(request: Request) -> list[Request]:
    """What was asked for, one seed at a time: as the command that has that seed alone."""
    return [
        request._replace(
            seed=seed,
            seeds=1,
            command=request.command.replace(f"--seed {request.seed}", f"--seed {seed}", 1),
        )
        for seed in range(request.seed, request.seed + request.seeds)
    ]


def run_experiment(parse: Callable[[], Request], run: Callable[[Request], None]) -> int:
    """Run an experiment as one of the processes asked for; returns what ``exit_code`` does."""

    def program() -> None:
        request = parse()
        if request.devices is not None:
            divide_host(min(request.devices, cores()))
        with connected(request.distributed):
            keep_compiled(request.compilation_cache)
            run(request)

    return exit_code(program)


def exit_code(program: Callable[[], None]) -> int:
    """Run a program: 0, or after one line on stderr 2 for bad input, 1 for work that failed."""
    collect_rarely()
    try:
        program()
    except (InputError, NotFiniteError, LostProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
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
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="COUNT",
        help="train SEED and those that follow together, each in a folder of its own (default: 1)",
    )
    parser.add_argument(
        "--devices",
        type=int,
        metavar="D",
        help="how many to use, of each process; a CPU is divided into so many, at most its "
        "cores (default: all; of a CPU, 1)",
    )
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
    parser.add_argument(
        "--remat",
        action="store_true",
        help="recompute what the gradient needs, but for products: less memory, more time",
    )
    parser.add_argument(
        "--compilation-cache",
        metavar="DIR",
        help=f"where compiled programs are kept, or {OFF} (default: in the user's cache)",
    )
    add_distributed_flags(parser)
    return parser


def _command(module: str, flags: argparse.Namespace, choices: Sequence[Choice]) -> str:
    words = ["python", "-m", module]
    for choice in choices:
        words += [f"--{choice.name}", getattr(flags, choice.name)]
    if flags.weights is not None:
        words += ["--weights", "FILE"]
    words += ["--preset", flags.preset]
    if flags.data_dir is not None or flags.download:
        words += ["--data-dir", "DIR"]
    words += ["--seed", str(flags.seed)]
    if flags.held_back:
        words += ["--held-back", str(flags.held_back)]
    for assignment in flags.set:
        words += ["--set", assignment]
    return shlex.join(words)
