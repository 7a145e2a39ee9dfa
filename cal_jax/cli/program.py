"""Command line of every experiment: one request of a run, exit codes, one-line errors."""

import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.cli import flags as cli
from cal_jax.cli.compilation_cache import keep_compiled
from cal_jax.cli.garbage import collect_rarely
from cal_jax.cli.host_devices import divide_host
from cal_jax.cli.processes import Distributed, connected
from cal_jax.errors import BAD_INPUT, FAILED, InputError, LostProcessError, NotFiniteError
from cal_jax.io.provenance import cores, source_revision


@dataclass(frozen=True)
class RunFlags:
    """How and where a run is made."""

    run_dir: Path | None = None
    """Where the run writes, and resumes; None: runs/<experiment>-<preset>-..."""
    seed: int = 0
    """Of everything random."""
    seeds: int = 1
    """Train SEED and those that follow together, each in a folder of its own."""
    devices: int | None = None
    """How many to use, of each process; a CPU is divided into so many, at most its cores.
    None: all; of a CPU, 1."""
    from_scratch: bool = False
    """Set the run folder's checkpoints aside and start again."""
    remat: bool = False
    """Recompute what the gradient needs, but for products: less memory, more time."""
    compilation_cache: str | None = None
    """Where compiled programs are kept, or off; None: in the user's cache."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise InputError(f"--seed {self.seed}: accepted are 0 to 2^32 - 1")
        if not 1 <= self.seeds <= 2**32 - self.seed:
            raise InputError(f"--seeds {self.seeds}: accepted are 1 and above, the last below 2^32")


@dataclass(frozen=True)
class ImageFlags:
    """Where images are, and which of them a run is evaluated on."""

    data_dir: Path | None = None
    """MNIST: the four IDX files (.gz or not), or a directory prepared by tensorflow-datasets;
    None: scikit-learn's embedded 8x8 digits."""
    download: bool = False
    """Download MNIST first, into --data-dir or the user's cache."""
    held_back: int = 0
    """For choosing between configs: hold so many training images back and evaluate on them,
    test images stay unseen; 0: evaluate on test images."""

    def __post_init__(self) -> None:
        if self.held_back < 0:
            raise InputError(f"--held-back {self.held_back}: accepted are 0 and above")


@dataclass(frozen=True)
class DataFlags:
    """Where data are that are no images of digits."""

    data_dir: Path | None = None
    """The directory with the files of the data set."""


@dataclass(frozen=True)
class OracleFlags:
    """Where trained oracles are."""

    oracle_dir: Path | None = None
    """Where trained oracles are kept; None: oracles/ beside the run folder."""


@dataclass(frozen=True)
class WeightsFlags:
    """A trained model's file."""

    weights: Path
    """weights.safetensors of a run."""


class Request(NamedTuple):
    """One run as requested on the command line."""

    preset: str
    config: Any
    """The preset with the flags of its fields applied."""
    as_preset: bool
    """Whether that is the preset as it was: no flag changed a field."""
    command: str
    """Reproduces the run; without local paths."""
    revision: str | None
    """Of the source, when the program started."""
    distributed: Distributed
    run_dir: Path | None
    seed: int
    """The first of the seeds."""
    seeds: int
    """How many are trained together: this one and those that follow."""
    devices: int | None
    from_scratch: bool
    remat: bool
    """Whether what a gradient needs is recomputed, to save memory."""
    compilation_cache: str | None
    """See ``compilation_cache.keep_compiled``."""
    data_dir: Path | None = None
    download: bool = False
    held_back: int = 0
    """Training images held back for evaluation; 0 evaluates on test images."""
    oracle_dir: Path | None = None
    weights: Path | None = None
    """Of a trained model, where nothing is trained."""


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
    data: bool = False,
    oracle: bool = True,
    weights: bool = False,
    choices: Sequence[Choice] = (),
) -> Request:
    """Parse an experiment's flags.

    ``--preset`` and the choices decide a config, and its values the defaults of one flag
    for each of its fields: see ``cli.flags``.

    Args:
      module: its name, as in ``python -m experiments.black_and_white``.
      description: for ``--help``.
      presets: configs by name, the first the default; each has a one-line field ``summary``.
      arguments: without the program; None reads the command line.
      images: whether it reads images, and takes the flags that choose them.
      data: whether it reads other data, and takes --data-dir alone; not beside ``images``.
      oracle: whether a trained classifier reads its scores, and has a folder.
      weights: whether it starts from a trained model's file.
      choices: further flags, applied to the preset before those of its fields. A field of a
        choice's name is no flag itself.

    Raises:
      InputError: a flag that is unknown or has a bad value, or a config that refuses it.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    lines = "\n".join(f"  {name:8} {config.summary}" for name, config in presets.items())
    preset = Choice("preset", tuple(presets), next(iter(presets)), "Config of the run.", _same)
    named = (*choices, preset)
    chosen = {}
    for choice in named:
        value = cli.value_before_parsing(words, f"--{choice.name}", choice.default)
        if value not in choice.accepted:
            raise InputError(f"--{choice.name} {value}: accepted are {', '.join(choice.accepted)}")
        chosen[choice.name] = value
    base = presets[chosen["preset"]]
    for choice in choices:
        base = choice.apply(base, chosen[choice.name])
    start = cli.with_kinds(base, words)
    groups = {"run": RunFlags, "distributed": Distributed}
    optional = {"images": (images, ImageFlags), "oracle": (oracle, OracleFlags)}
    optional |= {"data": (data, DataFlags), "weights": (weights, WeightsFlags)}
    groups |= {name: kind for name, (wanted, kind) in optional.items() if wanted}
    fields = [(c.name, cli.one_of(c.accepted, c.help), chosen[c.name]) for c in named]
    fields += [(name, cli.prefixless(kind), cli.default_of(kind)) for name, kind in groups.items()]
    fields += [("config", cli.with_values(cli.prefixless(type(start))), start)]
    found: Any = cli.parse(
        make_dataclass("Flags", fields),
        words,
        prog=f"python -m {module}",
        description=f"{description}\n\npresets:\n{lines}",
        registry=cli.config_rules(start, hidden=("summary", *chosen)),
    )
    given = {
        k: v
        for name in groups.keys() - {"distributed"}
        for k, v in vars(getattr(found, name)).items()
    }
    asked = Request(
        preset=chosen["preset"],
        config=found.config,
        as_preset=found.config == base,
        command="",
        revision=source_revision(),
        distributed=found.distributed,
        **given,
    )
    before = [word for c in choices for word in (f"--{c.name}", chosen[c.name])]
    return asked._replace(command=_command(module, before, asked, base))


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


def _same(config: Any, _: str) -> Any:
    return config


def _command(module: str, choices: Sequence[str], asked: Request, base: Any) -> str:
    """The words that reproduce a run: choices, preset, data, seed, and what differs from them."""
    words = ["python", "-m", module, *choices]
    if asked.weights is not None:
        words += ["--weights", "FILE"]
    words += ["--preset", asked.preset]
    if asked.data_dir is not None or asked.download:
        words += ["--data-dir", "DIR"]
    words += ["--seed", str(asked.seed)]
    if asked.held_back:
        words += ["--held-back", str(asked.held_back)]
    return shlex.join([*words, *cli.changed_flags(base, asked.config)])
