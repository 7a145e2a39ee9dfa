"""The judges of completed letters: a classifier of letters and faces, trained apart.

One network of single glyphs (``evaluation.oracle``) has two outputs. The first names the letter.
The second, which of the training faces a glyph is of, describes the style of a face that training
never saw by how much it is like each of them, whatever its letter is. Shape letters:
``completion``'s, and G training faces.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.evaluation.oracle import storage
from cal_jax.evaluation.oracle.cache import stored_oracle
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig, read_logits
from cal_jax.metrics.scores import FRACTION, Score
from experiments.typefaces.completion import Completion
from experiments.typefaces.restyle import draw_restyle, restyle

REAL = "real"
"""The method that draws the truth: its scores are the ceilings."""


class Reading(NamedTuple):
    """What the judges read in the glyphs of faces."""

    letters: np.ndarray
    """int [F, L]: the most probable letter."""
    styles: np.ndarray
    """float32 [F, L, G]: how like each training face, of length 1."""


class Judges(NamedTuple):
    """The trained network, and what it reads in the truth."""

    oracle: Oracle
    real: Reading

    @property
    def about(self) -> dict[str, Any]:
        """What a record says: the network's digest, and its accuracy on all real letters."""
        letters = self.real.letters
        right = letters == np.arange(letters.shape[1])
        return {"digest": storage.digest(self.oracle), "accuracy": {"letter": float(right.mean())}}


def judges_of(
    train: np.ndarray, scored: np.ndarray, config: OracleConfig, directory: Path, digest: str
) -> Judges:
    """The judges of some faces: trained, or loaded where the same training is stored.

    Every training glyph is widened, heightened, slanted and thickened at random.

    Args:
      train: all that they are trained on, levels [G, L, H, W].
      scored: the faces that are completed [F, L, H, W].
      config: of the network and its training.
      directory: of trained networks.
      digest: of the faces.

    Raises:
      InputError: see ``stored_oracle``.
    """
    faces, letters = train.shape[:2]

    def draw_batch(key: jax.Array, glyphs: jax.Array) -> tuple[jax.Array, jax.Array]:
        key_rows, key_changes = jax.random.split(key)
        rows = jax.random.randint(key_rows, (config.batch,), 0, len(glyphs))
        changes = jax.vmap(draw_restyle)(jax.random.split(key_changes, config.batch))
        made = jax.vmap(restyle)(glyphs[rows], changes)
        return made, jnp.stack([rows % letters, rows // letters], axis=-1)

    oracle = stored_oracle(
        directory,
        draw_batch,
        jnp.asarray(train).reshape(-1, *train.shape[2:]),
        {"letter": letters, "typeface": faces},
        train.shape[-1],
        config,
        training_data=f"letter typeface {digest}",
    )
    return Judges(oracle, read(oracle, scored))


def read(oracle: Oracle, glyphs: np.ndarray) -> Reading:
    """What the judges' network reads in glyphs [F, L, H, W], levels 0 to 1."""
    letters, styles = read_logits(oracle, glyphs)
    return Reading(letters.argmax(axis=-1), styles / np.linalg.norm(styles, axis=-1, keepdims=True))


def judged(name: str, task: Completion, drawn: np.ndarray, judges: Judges) -> dict[str, Score]:
    """Whether the letters that were asked are read as what they are, and of whose face.

    ``<name>_letter_<n>``: share of them whose letter is read right. ``<name>_retrieval_<n>``:
    share of faces that are found among all. A face's asked letters are divided into halves; the
    mean style of one half as drawn is compared with that of the other as each face has it. So no
    glyph is compared with itself, and the ceiling is of real letters against others of the face.

    Args:
      name: of the method.
      task: its faces are those of ``judges``.
      drawn: [F, L, H, W], levels 0 to 1.
      judges: trained.
    """
    found, n = read(judges.oracle, drawn), task.given.shape[1]
    values, ceilings = (
        {
            "letter": letter_accuracy(of.letters, task.asked),
            "retrieval": retrieval(of.styles, judges.real.styles, task),
        }
        for of in (found, judges.real)
    )
    return {f"{name}_{key}_{n}": Score(values[key], ceilings[key], FRACTION) for key in values}


def letter_accuracy(letters: np.ndarray, asked: np.ndarray) -> float:
    """The share of asked glyphs whose letter is right.

    Args:
      letters: int [F, L], as read.
      asked: bool [F, L].
    """
    return float((letters == np.arange(letters.shape[1]))[asked].mean())


def retrieval(drawn: np.ndarray, real: np.ndarray, task: Completion) -> float:
    """The share of faces whose drawn letters are nearest to other letters of the right face.

    Args:
      drawn: styles of the letters as drawn, [F, L, G].
      real: of the truth, [F, L, G].
      task: what was asked.
    """
    found = []
    for face, (one, other) in enumerate(halves(task)):
        apart = real[:, other].mean(axis=1) - drawn[face, one].mean(axis=0)
        found.append(np.square(apart).sum(axis=-1).argmin() == face)
    return float(np.mean(found))


def halves(task: Completion) -> list[tuple[np.ndarray, np.ndarray]]:
    """The asked letters of each face in two halves, at random but the same for every method."""
    rng = np.random.default_rng(task.given.shape[1])
    shuffled = [rng.permutation(np.flatnonzero(asked)) for asked in task.asked]
    return [(one[: len(one) // 2], one[len(one) // 2 :]) for one in shuffled]
