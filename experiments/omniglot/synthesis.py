"""The character of one set in the hand of another, and the judges that read both.

Shape letters: M pairs, N items of a source, I items, H x W pixels.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.warp import WarpRange, warp_images
from cal_jax.evaluation.oracle.cache import stored_oracle
from cal_jax.evaluation.oracle.train import Oracle, predict
from cal_jax.metrics.scores import FRACTION, Score
from experiments.common.run import TEST_SEED
from experiments.omniglot.config import CONTEXTS, OmniglotConfig
from experiments.omniglot.hands import HandJudge

Read = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Images [M, N, H, W] that are to be of pairs [M, 2] -> character and hand, int [M, N, 2]."""


class Sources(NamedTuple):
    """Known images that show each pair's character in other hands, and its hand's others."""

    characters: np.ndarray
    """float32 [M, N, H, W]."""
    hands: np.ndarray
    """float32 [M, N, H, W]."""
    wanted: np.ndarray
    """int [M, 2]: the pair of character and hand."""


def sources_of(known: FactorDataset, pairs: FactorDataset, items: int) -> Sources:
    """Sources of each pair that is held out, drawn from the known images.

    Args:
      known: images; none is of a pair.
      pairs: one image or more of each pair.
      items: N, at most; fewer where a character or hand has fewer.
    """
    rng = np.random.default_rng(TEST_SEED)
    wanted, own = pairs.columns(CONTEXTS), known.columns(CONTEXTS)
    drawn = [
        [rng.permutation(np.flatnonzero(own[:, k] == pair[k]))[:items] for pair in wanted]
        for k in range(2)
    ]
    fewest = min(len(rows) for part in drawn for rows in part)
    characters, hands = (np.stack([rows[:fewest] for rows in part]) for part in drawn)
    return Sources(known.items[characters], known.items[hands], wanted)


def judge_of(config: OmniglotConfig, known: FactorDataset, directory: Path, digest: str) -> Oracle:
    """The judge of characters: a classifier trained on known images, or loaded.

    Args:
      config: its images are warped as items of training sets are.
      known: all that it sees.
      directory: of trained oracles.
      digest: of the images.

    Raises:
      InputError: see ``stored_oracle``.
    """
    values, batch = known.columns(CONTEXTS[:1]), config.oracle.batch

    def draw_batch(key: jax.Array, data: Any) -> tuple[jax.Array, jax.Array]:
        items, values = data
        key_row, key_warp = jax.random.split(key)
        rows = jax.random.randint(key_row, (batch,), 0, len(values))
        return warp_images(key_warp, items[rows], WarpRange(), config.item_warp), values[rows]

    return stored_oracle(
        directory,
        draw_batch,
        (jnp.asarray(known.items), jnp.asarray(values)),
        {name: known.sizes[name] for name in CONTEXTS[:1]},
        config.image_size,
        config.oracle,
        training_data=f"{CONTEXTS[0]} {digest} {config.item_warp}",
    )


def reader(oracle: Oracle, hands: HandJudge) -> Read:
    """The judges of characters and of hands as one function.

    A hand is read from the n-th image of every pair that is to be by it: one image says too
    little.
    """

    def read(images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        found = [hands.read(of_one, *wanted.T) for of_one in images.swapaxes(0, 1)]
        return np.concatenate([predict(oracle, images), np.stack(found, axis=1)[..., None]], -1)

    return read


def synthesis_scores(
    made: np.ndarray, sources: Sources, pairs: FactorDataset, read: Read
) -> dict[str, Score]:
    """How often the judges find the pair that was asked for, beside their accuracy on real ones.

    ``synthesis_character``, ``synthesis_hand`` and ``synthesis_joint``, both right, of decoder
    means; ceilings are of the real images of the pairs. ``floor_`` scores are those of copies of
    the sources of the character, by other hands.

    Args:
      made: [M, N, H, W].
      sources: of these.
      pairs: the real images.
      read: the judges.
    """
    wanted = sources.wanted

    def shares(images: np.ndarray) -> dict[str, float]:
        right = read(images, wanted) == wanted[:, None]
        each = {name: float(right[..., k].mean()) for k, name in enumerate(CONTEXTS)}
        return {**each, "joint": float(right.all(axis=-1).mean())}

    found, real = shares(made), shares(pairs.items[:, None])
    copied = shares(sources.characters)
    scores = {
        f"synthesis_{name}": Score(value, real[name], FRACTION) for name, value in found.items()
    }
    floors = {f"floor_{name}": Score(copied[name], None, FRACTION) for name in ("hand", "joint")}
    return scores | floors
