"""The images of a run: what is fitted on, the pairs to synthesise, the one-shot runs to score.

Shape letters: I items of H x W pixels.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.omniglot import Part, read_omniglot
from cal_jax.data.omniglot_runs import OneShotRuns, read_run_ink, runs_of, shrunk
from cal_jax.data.warp import rendering
from cal_jax.errors import InputError
from experiments.common.run import TEST_SEED
from experiments.omniglot.config import CONTEXTS, OmniglotConfig

_TURNS = ("", " turned 1", " turned 2", " turned 3")
VIEWS = (*_TURNS, *(f"{turn} mirrored" for turn in _TURNS))
"""Quarter turns and mirror images that make further characters and hands of the training images:
what their values' names end in."""

HELD_BACK_RUNS = 40
"""One-shot runs of held-back alphabets."""


class Images(NamedTuple):
    """What a command line's images are for; no image is in two of these."""

    known: FactorDataset
    """Fitted on, by the model and by the judge."""
    pairs: FactorDataset
    """Of alphabets, characters and hands that are known, in pairs that are not."""
    runs: OneShotRuns
    """To score."""
    ink: OneShotRuns | None
    """The same at full size, bool; None of held-back alphabets."""
    evaluated_on: str
    """Such as "the 20 published runs"."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all images, and of the known ones' factors."""
        total = hashlib.sha256(repr(dict(self.known.value_names)).encode())
        for array in (self.known.items, self.known.table, self.pairs.items, self.pairs.table):
            total.update(np.ascontiguousarray(array).tobytes())
        for array in self.runs:
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()


def images_of(config: OmniglotConfig, directory: Path | None) -> Images:
    """The images that a config asks for.

    Args:
      config: of the run.
      directory: with the published zips.

    Raises:
      InputError: no directory, or see ``read_omniglot``, ``read_run_ink`` and the splits.
    """
    if directory is None:
        raise InputError(
            "--data-dir: none; accepted: the directory with Omniglot's zips, such as "
            "images_background_small1.zip and all_runs.zip"
        )
    size, centre = config.image_size, config.centre
    whole = read_omniglot(directory, cast(Part, config.part), size, centre=centre)
    if config.held_back:
        train, held_back = whole.split_by_value("alphabet", config.held_back)
        runs, ink = runs_of(held_back, HELD_BACK_RUNS, TEST_SEED), None
        about = f"runs of the held-back alphabets {', '.join(config.held_back)}"
    else:
        train, ink = whole, read_run_ink(directory)
        runs, about = shrunk(ink, size, centre=centre), "the 20 published runs"
    known, pairs = train.split_by_combination(CONTEXTS, config.held_pairs, TEST_SEED)
    return Images(known, pairs, runs, ink, about)


def turned(images: np.ndarray) -> list[np.ndarray]:
    """Images [..., H, H] in the quarter turns and mirror images that ``VIEWS`` names."""
    turns = [np.rot90(images, turn, axes=(-2, -1)) for turn in range(4)]
    return [*turns, *(np.flip(one, axis=-1) for one in turns)]


def training_items(known: FactorDataset, config: OmniglotConfig) -> FactorDataset:
    """The known images, turned and mirrored, which sets show under random warps.

    Such an image is of a further character and a further hand, as "Greek/01 turned 1".
    """
    items = np.concatenate(turned(known.items))
    factors = {
        name: np.concatenate([np.char.add(known.factors[name], view) for view in VIEWS])
        for name in CONTEXTS
    }
    return FactorDataset(items, factors, render=rendering(config.shared_warp, config.item_warp))
