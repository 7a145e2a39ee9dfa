"""The judge of hands: who drew several images of one alphabet, by how they differ from the usual.

One image says little of its hand and much of its character. So the judge is told which character
each image is to be, subtracts that character's average features, and adds up what the images of
one hand say. It is a linear discriminant analysis, with no network to fit.

Shape letters: I images of H x W pixels, F features.
"""

from typing import NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError

SHRINKAGE = 0.1
"""Of the covariance within a hand towards its diagonal."""

EXTENT = (0.02, 0.98)
"""Shares of the ink between which a character extends."""


class HandJudge(NamedTuple):
    """Features of the known images, by character and by hand."""

    usual: np.ndarray
    """[characters, F]: averages; NaN of a character without images."""
    hands: np.ndarray
    """[hands, F]: averages of the differences from these; NaN of a hand without images."""
    alphabets: np.ndarray
    """int [hands]: the alphabet of each."""
    precisions: np.ndarray
    """[alphabets, F, F]: inverse covariances of the differences within a hand."""

    def log_likelihoods(self, images: np.ndarray, characters: np.ndarray) -> np.ndarray:
        """Of each image [I, H, W], told its character [I], for each hand: nats [I, hands]."""
        apart = (features_of(images) - self.usual[characters])[:, None] - self.hands
        precision = self.precisions[self.alphabets]
        nats = -0.5 * np.einsum("ihf,hfg,ihg->ih", apart, precision, apart)
        half_logdet = 0.5 * np.linalg.slogdet(self.precisions)[1]
        return np.nan_to_num(nats + half_logdet[self.alphabets], nan=-np.inf)

    def read(self, images: np.ndarray, characters: np.ndarray, hands: np.ndarray) -> np.ndarray:
        """The hand of each image, judged with the others that are to be of one hand.

        It is one of the alphabet's hands.

        Args:
          images: [I, H, W].
          characters: int [I], which each is to be.
          hands: int [I], whose each is to be: for the groups and the alphabet alone.

        Returns:
          int [I].
        """
        nats, found = self.log_likelihoods(images, characters), np.empty(len(images), int)
        for hand in np.unique(hands):
            own = hands == hand
            total = nats[own].sum(axis=0)
            total[self.alphabets != self.alphabets[hand]] = -np.inf
            found[own] = total.argmax()
        return found


def fit_hand_judge(known: FactorDataset) -> HandJudge:
    """The judge of hands from the known images, with the factors alphabet, character and hand.

    Raises:
      InputError: a character of one image alone.
    """
    columns = known.columns(("alphabet", "character", "hand"))
    alphabet, character, hand = columns.T
    features = features_of(known.items)
    counts = np.bincount(character, minlength=known.sizes["character"])
    if (counts == 1).any():
        name = known.value_names["character"][int(np.flatnonzero(counts == 1)[0])]
        raise InputError(f"character {name}: one known image; accepted: two or more")
    usual = _averages(features, character, len(counts))
    # An image is a part of its character's average; left out of it, it would differ by more.
    share = counts / np.maximum(counts - 1, 1)
    apart = (features - usual[character]) * share[character][:, None]
    hands = _averages(apart, hand, known.sizes["hand"])
    alphabets = np.zeros(len(hands), int)
    alphabets[hand] = alphabet
    within = apart - hands[hand]
    precisions = np.tile(np.eye(features.shape[1]), (known.sizes["alphabet"], 1, 1))
    for one in np.unique(alphabet):
        covariance = np.cov(within[alphabet == one].T)
        diagonal = np.diag(np.diag(covariance) + 1e-6)
        precisions[one] = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal)
    return HandJudge(usual, hands, alphabets, precisions)


def features_of(images: np.ndarray) -> np.ndarray:
    """How much ink there is, how far it extends, how it leans, how crisp it is: [I, F].

    Args:
      images: [I, H, W], ink from 0 to 1.
    """
    x = np.clip(np.asarray(images, float), 0.0, 1.0) + 1e-6
    ink = x.sum(axis=(1, 2))
    rows, columns = x.sum(axis=2) / ink[:, None], x.sum(axis=1) / ink[:, None]
    down, right = (np.arange(side) - (side - 1) / 2 for side in x.shape[1:])
    heights, widths = (_centred(part, at) for part, at in ((rows, down), (columns, right)))
    both = np.einsum("ihw,h,w->i", x, down, right) / ink - (rows @ down) * (columns @ right)
    top, bottom = _quantiles(rows, down)
    left, end = _quantiles(columns, right)
    return np.stack(
        [
            np.log(ink),
            0.5 * np.log(heights),
            0.5 * np.log(widths),
            both / np.sqrt(heights * widths),
            np.log(bottom - top),
            np.log(end - left),
            bottom + top,
            end + left,
            (x > 0.5).mean(axis=(1, 2)),
            np.square(x).sum(axis=(1, 2)) / ink,
            np.abs(np.diff(x, axis=1)).sum(axis=(1, 2)) / ink,
            np.abs(np.diff(x, axis=2)).sum(axis=(1, 2)) / ink,
        ],
        axis=1,
    )


def _averages(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """The average of the rows of each of ``count`` values; NaN where it has none."""
    totals = np.zeros((count, values.shape[1]))
    np.add.at(totals, of, values)
    number = np.bincount(of, minlength=count)[:, None]
    return np.where(number > 0, totals / np.maximum(number, 1), np.nan)


def _centred(shares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The variance of the places [S] under shares [I, S] of the ink."""
    return shares @ np.square(places) - np.square(shares @ places) + 1e-6


def _quantiles(shares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Where ``EXTENT`` of the ink is reached, interpolated: [2, I]."""
    reached = np.cumsum(shares, axis=1)
    return np.stack([np.interp(EXTENT, one, places) for one in reached], axis=1)
