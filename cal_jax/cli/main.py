"""The program ``cal-jax``: uses of a trained model without training.

cal-jax sample --out synthesis.png
cal-jax export runs/rotated-cpu-mnist-seed0 --out rotated.safetensors
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from cal_jax import trained as trained_files
from cal_jax.cli.flags import parse
from cal_jax.cli.program import exit_code, require_packages
from cal_jax.data.factors import VALUES, DigitFactors, draw_digit_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.mask_mix import one_constant
from cal_jax.data.set_samplers import render_sets
from cal_jax.data.sources import load_images
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.trained import TrainedLearner
from cal_jax.plots.grids import draw_synthesis

SYNTHESISED = 8
"""Sets drawn below their sources, as in figure 6.7."""

SOURCE_IMAGES = 1_000
"""Test images that sources are made of, at most: enough for every digit."""


@dataclass(frozen=True)
class Sample:
    """Draw sets synthesised from two sources (figure 6.7)."""

    out: Path
    """PNG to write."""
    weights: Path = trained_files.WEIGHTS
    """weights.safetensors of a run; the default is rotated MNIST's, of the package."""
    data_dir: Path | None = None
    """MNIST, whose test images make the sources; None: 200 of them, of the package."""
    seed: int = 0
    """Of everything random."""
    digit: str | None = None
    """Of its source, 0 to 9; None: by the seed."""
    rotation: str | None = None
    """Of its source, in degrees: multiples of 45 below 360; None: by the seed."""
    background: str | None = None
    """Of its source, black or white; None: by the seed."""


@dataclass(frozen=True)
class Export:
    """A run's newest checkpoint as a file of weights."""

    run_dir: tyro.conf.Positional[Path]
    """Folder of a run with known labels."""
    out: Path
    """File to write."""
    half: bool = False
    """float16: half the size."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    verbs: Any = (
        Annotated[Sample, tyro.conf.subcommand("sample")]
        | Annotated[Export, tyro.conf.subcommand("export")]
    )

    def program() -> None:
        asked: Any = parse(verbs, arguments, prog="cal-jax", description="Use a trained model.")
        _sample(asked) if isinstance(asked, Sample) else _export(asked)

    return exit_code(program)


def source_sets(
    trained: TrainedLearner,
    images: LabelledImages,
    values: dict[str, int],
    seed: int,
) -> np.ndarray:
    """A set for each factor in which it alone is constant, [K, N, H, W].

    Args:
      trained: whose factors, set size and binarisation they have.
      images: to make them of; the first ``SOURCE_IMAGES`` are used.
      values: of constant factors by name; the others' are drawn.
      seed: of everything drawn.

    Raises:
      InputError: too few images of a digit.
    """
    few = LabelledImages(images.images[:SOURCE_IMAGES], images.labels[:SOURCE_IMAGES])
    binarisation = trained_files.digits_binarisation(trained)
    dataset = DigitFactors(trained.names).dataset(few, binarisation, seed)
    rng = np.random.default_rng(seed)
    sources = []
    for label, name in zip(one_constant(len(dataset.names)), dataset.names, strict=True):
        sets = draw_digit_sets(
            rng,
            dataset,
            num_sets=1,
            set_size=trained.set_size,
            mix=((label, 1),),
            given={name: VALUES[name][values[name]]} if name in values else None,
        )
        sources.append(render_sets(dataset, dataset.names, sets)[0])
    return np.stack(sources)


def _sample(flags: Sample) -> None:
    """Draw figure 6.7's synthesis."""
    require_packages("matplotlib", "safetensors")
    if not 0 <= flags.seed < 2**32:
        raise InputError(f"--seed {flags.seed}: accepted are 0 to 2^32 - 1")
    trained = weights.load(flags.weights)
    values = {name: _value(name, getattr(flags, name), trained) for name in VALUES}
    size = trained.model.event_shape[0]
    if flags.data_dir is None:
        images = trained_files.source_images(size)
    else:
        images = load_images(flags.data_dir, size=size).test
    chosen = {name: value for name, value in values.items() if value is not None}
    sources = source_sets(trained, images, chosen, flags.seed)
    sampler = Sampler(trained.model, trained.variables, trained.set_size)
    made = sampler.synthesise(
        jax.random.key(flags.seed),
        np.broadcast_to(sources, (SYNTHESISED, *sources.shape)),
        np.eye(len(trained.names), dtype=np.float32),
    )
    labels = [f"{name} from" for name in trained.names]
    print(draw_synthesis(flags.out, sources, np.asarray(made.means), source_labels=labels))


def _export(flags: Export) -> None:
    """Write a run's newest checkpoint as a file of weights."""
    require_packages("safetensors")
    from cal_jax.inference.export import newest_model

    step, trained = newest_model(flags.run_dir)
    path = weights.save(flags.out, trained, half=flags.half)
    print(f"{path}: step {step}, {path.stat().st_size / 1e6:.1f} MB")


def _value(name: str, text: str | None, trained: TrainedLearner) -> int | None:
    """A factor's value of its flag; None where it is left to chance."""
    if text is None:
        return None
    if name not in trained.names:
        raise InputError(
            f"--{name}: the weights know no such factor; theirs are {', '.join(trained.names)}"
        )
    if text not in VALUES[name]:
        raise InputError(f"--{name} {text}: accepted are {', '.join(VALUES[name])}")
    return VALUES[name].index(text)


if __name__ == "__main__":
    sys.exit(main())
