"""The program ``cal-jax``: what a trained model can do without training.

cal-jax sample --out synthesis.png
cal-jax export runs/rotated-cpu-mnist-seed0 --factors digit,rotation --out rotated.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from cal_jax import trained as trained_files
from cal_jax.cli.program import exit_code, require_packages
from cal_jax.data.factors import SIZES, VALUES, DigitFactors, draw_digit_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.label_mix import one_constant
from cal_jax.data.set_samplers import render_sets
from cal_jax.data.sources import load_images
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.weights import TrainedLearner
from cal_jax.plots.grids import draw_synthesis

SYNTHESISED = 8
"""Sets drawn below their sources, as in figure 6.7."""

SOURCE_IMAGES = 1_000
"""Test images that sources are made of, at most: enough for every digit."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    flags = _parser().parse_args(arguments)
    return exit_code(lambda: flags.verb(flags))


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
    dataset = DigitFactors(trained.factors).dataset(few, trained.binarisation, seed)
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


def _sample(flags: argparse.Namespace) -> None:
    """Draw figure 6.7's synthesis."""
    require_packages("matplotlib", "safetensors")
    if not 0 <= flags.seed < 2**32:
        raise InputError(f"--seed {flags.seed}: accepted are 0 to 2^32 - 1")
    trained = weights.load(flags.weights)
    values = {name: _value(name, getattr(flags, name), trained) for name in VALUES}
    size = trained.config.image_size
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
        np.eye(len(trained.factors), dtype=np.float32),
    )
    labels = [f"{name} from" for name in trained.factors]
    print(draw_synthesis(flags.out, sources, np.asarray(made.means), source_labels=labels))


def _export(flags: argparse.Namespace) -> None:
    """Write a run's newest checkpoint as a file of weights."""
    require_packages("safetensors")
    from cal_jax.inference.export import newest_model

    step, trained = newest_model(flags.run_dir, tuple(flags.factors.split(",")))
    path = weights.save(flags.out, trained, half=flags.half)
    print(f"{path}: step {step}, {path.stat().st_size / 1e6:.1f} MB")


def _value(name: str, text: str | None, trained: TrainedLearner) -> int | None:
    """A factor's value of its flag; None where it is left to chance."""
    if text is None:
        return None
    if name not in trained.factors:
        raise InputError(
            f"--{name}: the weights know no such factor; theirs are {', '.join(trained.factors)}"
        )
    if text not in VALUES[name]:
        raise InputError(f"--{name} {text}: accepted are {', '.join(VALUES[name])}")
    return VALUES[name].index(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cal-jax", description="Use a trained model.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    sample = verbs.add_parser("sample", help="draw sets synthesised from two sources (figure 6.7)")
    sample.set_defaults(verb=_sample)
    sample.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        default=trained_files.WEIGHTS,
        help="weights.safetensors of a run (default: rotated MNIST's, of the package)",
    )
    sample.add_argument("--out", type=Path, metavar="PNG", required=True)
    sample.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="MNIST, whose test images make the sources (default: 200 of them, of the package)",
    )
    sample.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    for name, accepted in VALUES.items():
        sample.add_argument(
            f"--{name}",
            metavar=name[0].upper(),
            help=f"{', '.join(accepted)}: of its source (default: by the seed)",
        )

    export = verbs.add_parser("export", help="a run's newest checkpoint as a file of weights")
    export.set_defaults(verb=_export)
    export.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run, known labels")
    export.add_argument("--out", type=Path, metavar="FILE", required=True)
    export.add_argument(
        "--factors",
        required=True,
        metavar="NAMES",
        help=f"what its contexts are for, in order: digit,rotation (of {', '.join(SIZES)})",
    )
    export.add_argument("--half", action="store_true", help="float16: half the size")
    return parser


if __name__ == "__main__":
    sys.exit(main())
