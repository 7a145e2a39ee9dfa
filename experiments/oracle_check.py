"""Checks whether the oracle of rotated digits uses interpolation blur as a cue.

    python -m experiments.oracle_check --preset cpu --data-dir DIR

Turns by odd multiples of 45 degrees are interpolated, multiples of 90 are exact: an oracle can
tell the two by how crisp an edge is, and misread generated images, which are not crisp. Here one
is trained, and reads real images as they are and after a turn there and back, which shows the
same interpolated. ``--oracle.max-blur 0`` trains the oracle without blurred images.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, require_at_least
from cal_jax.data.binarise import fixed_binary
from cal_jax.data.factors import DigitFactors
from cal_jax.data.images import LabelledImages
from cal_jax.data.rotation import interpolated, rotated
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.oracle import storage as oracle_file
from cal_jax.evaluation.oracle.factors import factor_oracle
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig, predict
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.scores import FRACTION, Score
from cal_jax.plots.canvas import figure, save
from experiments.common.figures import Figure
from experiments.common.image_sets_config import (
    ROTATED_ORACLE,
    SMALL_ORACLE,
    require_binarisation,
    require_readable,
)
from experiments.common.run import TEST_SEED, images_of, open_runs, run_identity
from experiments.results.publish import Run, publish

NAME = "oracle_check"
FACTORS = DigitFactors(("digit", "rotation"))
SHOWN = 10


@dataclass(frozen=True)
class OracleCheckConfig:
    """Everything that decides the scores but the seed, which is the oracle's, and the images."""

    summary: str
    oracle: OracleConfig = ROTATED_ORACLE
    image_size: int = 28
    """H = W."""
    binarisation: str = "static"
    """static, dynamic or threshold."""
    count: int = 4_000
    """Images that are read, at every turn; all, where there are fewer."""
    degrees: float = 22.5
    """Of the turns there and back."""

    def __post_init__(self) -> None:
        require_at_least(self, count=1)
        require_binarisation(self.binarisation)
        require_readable(self.image_size, "image_size")


PRESETS = {
    "smoke": OracleCheckConfig(
        summary="seconds, for tests", oracle=SMALL_ORACLE, image_size=14, count=20
    ),
    "cpu": OracleCheckConfig(summary="minutes on a core, for MNIST: the published oracle"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    description = __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(f"experiments.{NAME}", description, PRESETS, arguments), run
    )


def run(request: program.Request) -> None:
    """Train and check the oracle of each seed."""
    program.require_packages("matplotlib", "jinja2", "safetensors")
    images = images_of(request, request.config.image_size)
    with open_runs(request, NAME, images.name) as runs:
        if is_first():
            for one, folder in runs:
                check(one, folder, images)


def check(request: program.Request, folder: RunFolder, images: Evaluation) -> None:
    """Write config.json, scores.json, the figure and the report of one seed."""
    config, started = request.config, time.monotonic()
    folder.write_json(CONFIG_FILE, run_identity(request, images=images.digest))
    oracle = factor_oracle(
        request.oracle_dir or folder.path.parent / "oracles",
        FACTORS,
        images.train,
        replace(config.oracle, seed=request.seed),
        config.binarisation,
    )
    seen = renderings(images.evaluated, config)
    scores = readings(oracle, seen, images.evaluated.labels[: config.count])
    publish(
        folder.path,
        Run(
            experiment=NAME,
            preset=request.preset,
            command=request.command,
            revision=request.revision,
            seed=request.seed,
            seconds=time.monotonic() - started,
            data=images.about(config.image_size) | {"binarisation": config.binarisation},
            scores=scores,
            details={"oracle": oracle_file.digest(oracle)},
        ),
        title=f"The oracle of rotated {images.name}",
        intro="What an oracle of digits and rotations reads in real images, as they are and after "
        f"a turn by {config.degrees:g} degrees and back.",
        config=flatten(config),
        figures=[draw(folder.path, seen)],
        targets=None,
    )


def renderings(images: LabelledImages, config: OracleCheckConfig) -> dict[str, np.ndarray]:
    """Binary images uint8 [R, M, H, W] at every turn: as they are, and interpolated."""
    turned = rotated(images.images[: config.count])
    again = np.stack([interpolated(at_one, config.degrees) for at_one in turned])
    return {
        name: fixed_binary(grey, config.binarisation, TEST_SEED)
        for name, grey in {"real": turned, "interpolated": again}.items()
    }


def readings(
    oracle: Oracle, seen: Mapping[str, np.ndarray], digits: np.ndarray
) -> dict[str, Score]:
    """Shares that are read rightly, of each rendering; real images are the others' ceiling.

    Args:
      oracle: of digit and rotation.
      seen: images [R, M, H, W] by the name of their rendering, ``real`` first.
      digits: [M].
    """
    scores: dict[str, Score] = {}
    for name, images in seen.items():
        digit, rotation = np.moveaxis(predict(oracle, images), -1, 0)
        right = rotation == np.arange(len(images))[:, None]
        shares = {
            "digit": digit == digits,
            "rotation_even": right[::2],
            "rotation_odd": right[1::2],
            "even_taken_for_odd": rotation[::2] % 2 == 1,
        }
        for what, share in shares.items():
            ceiling = scores[f"{what}_real"].value if name != "real" else None
            scores[f"{what}_{name}"] = Score(float(share.mean()), ceiling, FRACTION)
    return scores


def draw(folder: Path, seen: Mapping[str, np.ndarray]) -> Figure:
    """The first images of each rendering, upright and rotated by 45 degrees."""
    drawn = figure(0.7 * SHOWN, 0.8 * 2 * len(seen), layout="constrained")
    rows = [(name, turn) for name in seen for turn in (0, 1)]
    for axis, (name, turn) in zip(drawn.subplots(len(rows)), rows, strict=True):
        axis.imshow(np.concatenate(seen[name][turn, :SHOWN], axis=1), cmap="gray")
        axis.set_ylabel(f"{45 * turn}°, {name}", rotation=0, ha="right", va="center")
        axis.set_xticks([])
        axis.set_yticks([])
    path = save(folder / "renderings.png", drawn)
    return path, "Images as they are, and after a turn there and back."


if __name__ == "__main__":
    sys.exit(main())
