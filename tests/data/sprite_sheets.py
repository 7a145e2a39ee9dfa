"""Made-up sprite sheets of flat colours, as small files in the places of the published ones."""

import numpy as np
from PIL import Image

from cal_jax.data.sprites import ACTIONS, COLUMNS, DIRECTIONS, FOLDERS, POSES, ROWS, SIDE

PLACES = {"skin": (10, 60), "trousers": (40, 50), "top": (24, 40), "hair": (10, 18)}
"""First and last row of each layer's bar; later layers hide the skin beneath them."""
COLUMNS_OF = slice(16, 48)


def colour(name, value):
    """RGB of a layer: no two are alike."""
    on = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)][value]
    dim = 20 * list(PLACES).index(name)
    return [(250 - dim) * level + 5 * (1 - level) for level in on]


def layer(name, value, alpha=255):
    """A sheet uint8 [1344, 832, 4]: a bar in every frame, and a hand of the skin for the pose."""
    frames = np.zeros((ROWS, COLUMNS, SIDE, SIDE, 4), np.uint8)
    first, last = PLACES[name]
    frames[:, :, first:last, COLUMNS_OF] = [*colour(name, value), alpha]
    if name == "skin":
        for action, direction, frame in POSES:
            up = 6 * list(ACTIONS).index(action) + 20
            across = 2 + 4 * list(DIRECTIONS).index(direction)
            row = ACTIONS[action][0] + DIRECTIONS[direction]
            hand = frames[row, frame, up : up + 5, across : across + 4]
            hand[:] = [200, 200, 20 * frame, 255]
    return frames.swapaxes(1, 2).reshape(ROWS * SIDE, COLUMNS * SIDE, 4)


def write_sheets(folder):
    """The 25 sheets that the data set reads."""
    for name, directory in FOLDERS.items():
        (folder / directory).mkdir(parents=True)
        for value in range(6):
            save(folder / directory / f"{value}.png", layer(name, value))
    (folder / "shoes").mkdir()
    shoes = np.zeros((ROWS, COLUMNS, SIDE, SIDE, 4), np.uint8)
    shoes[:, :, 56:62, COLUMNS_OF] = [255, 255, 255, 128]
    save(
        folder / "shoes" / "1.png",
        shoes.swapaxes(1, 2).reshape(ROWS * SIDE, COLUMNS * SIDE, 4),
    )
    return folder


def save(path, pixels):
    Image.fromarray(pixels).save(path, compress_level=1)
