"""The character of one set in the hand of another, and the judge that reads both.

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
from cal_jax.metrics.scores import FRACTION, Score, joint
from experiments.common.run import TEST_SEED
from experiments.omniglot.config import CONTEXTS, OmniglotConfig

Read = Callable[[np.ndarray], np.ndarray]
"""Images [..., H, W] -> character and hand, int [..., 2]."""


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
    """The judge: a classifier of character and hand, trained on known images or loaded.

    Args:
      config: its images are warped as items of training sets are.
      known: all that it sees.
      directory: of trained oracles.
      digest: of the images.

    Raises:
      InputError: see ``stored_oracle``.
    """
    values, batch = known.columns(CONTEXTS), config.oracle.batch

    def draw_batch(key: jax.Array, data: Any) -> tuple[jax.Array, jax.Array]:
        items, values = data
        key_row, key_warp = jax.random.split(key)
        rows = jax.random.randint(key_row, (batch,), 0, len(values))
        return warp_images(key_warp, items[rows], WarpRange(), config.item_warp), values[rows]

    return stored_oracle(
        directory,
        draw_batch,
        (jnp.asarray(known.items), jnp.asarray(values)),
        {name: known.sizes[name] for name in CONTEXTS},
        config.image_size,
        config.oracle,
        training_data=f"{' '.join(CONTEXTS)} {digest} {config.item_warp}",
    )


def reader(oracle: Oracle) -> Read:
    """The judge as a function."""
    return lambda images: predict(oracle, images)


def synthesis_scores(
    made: np.ndarray, sources: Sources, pairs: FactorDataset, read: Read
) -> dict[str, Score]:
    """How often the judge finds the pair that was asked for, beside its accuracy on real ones.

    ``synthesis_character``, ``synthesis_hand`` and ``synthesis_joint``, both right, of decoder
    means; ceilings are the judge's on the real images of the pairs. ``floor_joint`` is that of
    copies of a source, the better one.

    Args:
      made: [M, N, H, W].
      sources: of these.
      pairs: the real images.
      read: the judge.
    """
    wanted, found = sources.wanted, read(made)
    right, hits = read(pairs.items) == pairs.columns(CONTEXTS), found == wanted[:, None]
    scores = {
        f"synthesis_{name}": Score(float(hits[..., k].mean()), float(right[:, k].mean()), FRACTION)
        for k, name in enumerate(CONTEXTS)
    }
    ceiling = float(right.all(axis=1).mean())
    scores["synthesis_joint"] = Score(joint(found, wanted), ceiling, FRACTION)
    copied = max(joint(read(part), wanted) for part in (sources.characters, sources.hands))
    scores["floor_joint"] = Score(copied, None, FRACTION)
    return scores
