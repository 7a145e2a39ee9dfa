"""Omniglot's one-shot runs: twenty characters of one alphabet, each asked for once.

Within-alphabet one-shot classification (Lake et al. 2015): one drawer's images of V characters
are the classes, another drawer's images of the same characters are to be assigned to them.
Shape letters: R runs, V classes, *X the shape of an item.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cal_jax.data.area_average import area_average
from cal_jax.data.centre import centred
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.omniglot import decode_ink
from cal_jax.data.readers.members import read_members
from cal_jax.errors import InputError

NAME = "all_runs"
"""Of the published zip of 20 runs (folder ``python/one-shot-classification``)."""

RUNS, CLASSES = 20, 20
"""Published runs, and the classes of each."""

_LABELS = "class_labels.txt"
_MEMBER = re.compile(r"(run\d\d)/(?:(training|test)/(?:class|item)\d\d\.png|class_labels\.txt)")
_FORM = f"runRR/training/classCC.png, runRR/test/itemII.png and runRR/{_LABELS}"


class OneShotRuns(NamedTuple):
    """Runs of one-shot classification: query v of a run is of its class v."""

    classes: np.ndarray
    """[R, V, *X]: one image of each class."""
    queries: np.ndarray
    """[R, V, *X]: one more image of each class, by another hand, in the same order."""


class _Run(NamedTuple):
    images: dict[str, np.ndarray]
    """Path -> ink."""
    labels: list[tuple[str, str]]
    """(test image, the class that it is of)."""


def read_run_ink(directory: Path) -> OneShotRuns:
    """The 20 published runs at full size.

    Args:
        directory: with ``all_runs.zip``, or the folder ``all_runs`` that holds run01 to run20.

    Returns:
        bool [20, 20, 105, 105], True where there is ink.

    Raises:
        InputError: no such file, a path of another form, a run without ``class_labels.txt`` or
            with other labels than one of each of its images, an image that is damaged or of
            another size, other numbers of runs. It names the zip and the path inside.
    """
    said = str(Path(directory) / NAME)
    runs: dict[str, _Run] = {}
    for path, data in read_members(directory, NAME):
        found = _MEMBER.fullmatch(path)
        if found is None:
            raise InputError(f"{said}: {path!r}; accepted: {_FORM}")
        run = runs.setdefault(found.group(1), _Run({}, []))
        if found.group(2) is None:
            run.labels.extend(_labels(data, f"{said}: {path}"))
        else:
            run.images[path] = decode_ink(data, f"{said}: {path}")
    parts = [_checked(run, f"{said}: {name}") for name, run in sorted(runs.items())]
    if len(parts) != RUNS:
        raise InputError(f"{said}: {len(parts)} runs; accepted: {RUNS}, of {_FORM}")
    return OneShotRuns(*(np.stack(part) for part in zip(*parts, strict=True)))


def shrunk(ink: OneShotRuns, size: int, *, centre: bool = False) -> OneShotRuns:
    """Runs of ink as grey levels.

    Args:
        ink: bool [R, V, H, H].
        size: see ``area_average``.
        centre: see ``omniglot.read_omniglot``.

    Returns:
        float32 [R, V, size, size].
    """

    def smaller(part: np.ndarray) -> np.ndarray:
        images = part.reshape(-1, *part.shape[2:])
        images = area_average(centred(images) if centre else images, size)
        return images.reshape(*part.shape[:2], size, size)

    return OneShotRuns(*map(smaller, ink))


def _labels(data: bytes, said: str) -> list[tuple[str, str]]:
    try:
        rows = [line.split() for line in data.decode("ascii").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{said}: not plain text; accepted: TEST.png CLASS.png") from error
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise InputError(f"{said}, row {number}: {len(row)} words; accepted: TEST CLASS")
    return [(test, own) for test, own in rows]


def _checked(run: _Run, said: str) -> OneShotRuns:
    """The images [V, 105, 105] of a run in the order of its labels."""
    if not run.labels:
        raise InputError(f"{said}: no {_LABELS}; accepted: {_FORM}")
    named = [path for pair in run.labels for path in pair]
    for path in named:
        if path not in run.images or named.count(path) > 1:
            raise InputError(f"{said}/{_LABELS}: {path!r}; accepted: each image of the run once")
    if len(run.labels) != CLASSES or set(named) != set(run.images):
        raise InputError(
            f"{said}: {len(run.labels)} labels of {len(run.images)} images; "
            f"accepted: {CLASSES} labels, of {CLASSES} test and {CLASSES} training images"
        )
    queries, classes = (np.stack([run.images[pair[k]] for pair in run.labels]) for k in (0, 1))
    return OneShotRuns(classes, queries)


def runs_of(dataset: FactorDataset, count: int, seed: int) -> OneShotRuns:
    """Runs of the published form from images of one's own, such as held-back alphabets.

    Alphabets take turns. Each run draws two of the alphabet's hands, and ``CLASSES`` of the
    characters that both drew, or all where there are fewer than that.

    Args:
        dataset: with the factors alphabet, character and hand.
        count: R.
        seed: of the choice.

    Returns:
        Items of the data set; V is that of the run with the fewest classes.

    Raises:
        InputError: an alphabet of one hand, or two hands without two characters in common.
    """
    rng = np.random.default_rng(seed)
    alphabet, character, hand = dataset.columns(("alphabet", "character", "hand")).T
    present = np.unique(alphabet)
    chosen = []
    for run in range(count):
        own = np.flatnonzero(alphabet == present[run % len(present)])
        hands = rng.permutation(np.unique(hand[own]))[:2]
        rows = [own[hand[own] == one] for one in hands]
        shared = np.intersect1d(character[rows[0]], character[rows[-1]])
        if len(hands) < 2 or len(shared) < 2:
            name = dataset.value_names["alphabet"][present[run % len(present)]]
            raise InputError(
                f"alphabet {name}: {len(shared)} characters by {len(hands)} hands; accepted: two "
                "hands or more that share two characters or more"
            )
        picked = rng.permutation(shared)[:CLASSES]
        chosen.append([[rows[k][character[rows[k]] == one][0] for one in picked] for k in (0, 1)])
    fewest = min(len(pair[0]) for pair in chosen)
    index = np.asarray([[row[:fewest] for row in pair] for pair in chosen])
    return OneShotRuns(dataset.items[index[:, 0]], dataset.items[index[:, 1]])
