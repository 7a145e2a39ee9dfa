"""Made-up zips of Omniglot's published forms, for tests.

Every image has ink of its own; corners say which part it is of, turned or not.
"""

import io
import zipfile

import numpy as np
from PIL import Image

from cal_jax.data.omniglot import NAMES, SIDE
from cal_jax.data.omniglot_runs import CLASSES, RUNS

CORNER = 9
"""Side of the dotted block that marks a corner: a whole pixel or more at 12 pixels a side."""


def ink_of(seed, corners=1):
    """Random strokes of ink, bool [105, 105], and so many inked corners."""
    rng = np.random.default_rng(seed)
    ink = np.zeros((SIDE, SIDE), bool)
    for row, column in rng.integers(20, 75, (5, 2)):
        ink[row, column : column + rng.integers(6, 16)] = True
    for turn in range(corners):
        np.rot90(ink, turn)[:CORNER:2, :CORNER:2] = True
    return ink


def png(ink):
    """The bytes of an image with black ink on white."""
    file = io.BytesIO()
    Image.fromarray(~ink).save(file, "PNG")
    return file.getvalue()


def part_files(alphabets, corners=1):
    """Path -> bytes of an image of each character (alphabet -> how many) by six drawers."""
    return {
        f"{alphabet}/character{character:02d}/{100 * a + character:04d}_{drawer:02d}.png": png(
            ink_of((a, character, drawer), corners)
        )
        for a, (alphabet, count) in enumerate(alphabets.items())
        for character in range(1, count + 1)
        for drawer in range(1, 7)
    }


def run_files(corners=3):
    """Path -> bytes of the published runs; the answers are the classes in reverse."""
    files = {}
    for run in (f"run{number:02d}" for number in range(1, RUNS + 1)):
        labels = []
        for item in range(1, CLASSES + 1):
            own = CLASSES + 1 - item
            labels.append(f"{run}/test/item{item:02d}.png {run}/training/class{own:02d}.png")
            ink = ink_of((int(run[3:]), own, 99), corners)
            files[f"{run}/training/class{own:02d}.png"] = png(ink)
            files[f"{run}/test/item{item:02d}.png"] = png(np.roll(ink, 1, axis=0))
        files[f"{run}/class_labels.txt"] = "\n".join(labels).encode()
    return files


def write_zip(folder, name, files, top=""):
    """``NAME.zip`` with these files, in its top folder if one is named."""
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        for path, data in files.items():
            archive.writestr(f"{top}{path}", data)
    return folder


def write_part(folder, part, files):
    """A part's zip as it is published."""
    return write_zip(folder, NAMES[part], files, top=f"{NAMES[part]}/")
