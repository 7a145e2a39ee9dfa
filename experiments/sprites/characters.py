"""The characters of a run: which of them train, choose and test, by combination of their layers."""

from typing import NamedTuple

from cal_jax.cli.program import Request
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.sprite_frames import CHARACTER, layers_digest, sprite_frames
from cal_jax.data.sprites import SpriteLayers, read_sprites
from cal_jax.errors import InputError
from experiments.sprites.config import Scored

TEST_CHARACTERS, VALIDATION_CHARACTERS = 296, 200
"""Of the 1,296; as many are tested where the data were published (Li & Mandt 2018)."""
SPLIT_SEED = 20_180_308
"""Of the split, the same for every run."""


class Characters(NamedTuple):
    """Frames by what their characters are for."""

    train: FactorDataset
    scored: FactorDataset
    """Of characters that nothing is fitted on; every value of every factor is among training's."""


def characters_of(request: Request) -> tuple[Characters, str]:
    """The frames that a command asks for, and a digest of the sheets.

    Raises:
      InputError: no directory, or what ``read_sprites`` refuses.
    """
    if request.data_dir is None:
        raise InputError(
            "--data-dir: none; accepted: a directory with the sheets of "
            "https://github.com/YingzhenLi/Sprites"
        )
    layers = read_sprites(request.data_dir)
    return divided(layers, request.config.scored), layers_digest(layers)


def divided(layers: SpriteLayers, scored: Scored) -> Characters:
    """Frames of training and of scored characters; where none is a test, no test frame is kept.

    Args:
      layers: of all characters.
      scored: "test", or "validation" of characters that are then left out of training.
    """
    frames = sprite_frames(layers)
    count = len(frames.items) // len(layers.poses)
    share = TEST_CHARACTERS / count
    train, test = frames.split_by_combination(CHARACTER, share, SPLIT_SEED)
    if scored == "test":
        return Characters(train, test)
    share = VALIDATION_CHARACTERS / (count - TEST_CHARACTERS)
    return Characters(*train.split_by_combination(CHARACTER, share, SPLIT_SEED))
