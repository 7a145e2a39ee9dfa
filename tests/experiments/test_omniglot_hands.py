"""The judge of hands on images whose hands differ by a known amount."""

import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError
from experiments.omniglot.hands import features_of, fit_hand_judge

SIDE, HANDS, CHARACTERS = 17, 6, 20


def strokes(seed=0, noise=0.12):
    """Two alphabets of bars; each hand has its own ink level and length, drowned in noise."""
    rng = np.random.default_rng(seed)
    items, rows = [], []
    for alphabet in "AB":
        for character in range(CHARACTERS):
            top, left = rng.integers(2, 6, 2)
            wide = rng.integers(2, 5)
            for hand in range(HANDS):
                image = np.zeros((SIDE, SIDE))
                image[top : top + 3 + hand, left : left + wide] = 0.4 + 0.1 * hand
                items.append(image + (image > 0) * rng.normal(scale=noise, size=image.shape))
                rows.append((alphabet, f"{alphabet}/{character}", f"{alphabet}/{hand}"))
    names = ("alphabet", "character", "hand")
    factors = dict(zip(names, map(np.asarray, zip(*rows, strict=True)), strict=True))
    images = np.clip(np.asarray(items, np.float32), 0, 1)
    return FactorDataset(images, factors)


def split(data):
    known, pairs = data.split_by_combination(("character", "hand"), 0.25, 0)
    return known, pairs, *pairs.columns(("character", "hand")).T


def test_a_hand_is_read_from_all_its_images_and_from_its_alphabet_alone():
    known, pairs, character, hand = split(strokes(noise=0.4))
    judge = fit_hand_judge(known)
    together = judge.read(pairs.items, character, hand)
    alone = np.concatenate(
        [
            judge.read(pairs.items[i : i + 1], character[i : i + 1], hand[i : i + 1])
            for i in range(len(hand))
        ]
    )
    assert np.mean(together == hand) > np.mean(alone == hand) > 1 / HANDS
    for one in np.unique(hand):
        assert len(np.unique(together[hand == one])) == 1
    alphabet = pairs.columns(("alphabet",))[:, 0]
    assert (judge.alphabets[together] == alphabet).all()


def test_copies_of_other_hands_are_read_as_theirs():
    known, pairs, character, hand = split(strokes(noise=0.0))
    judge = fit_hand_judge(known)
    assert np.mean(judge.read(pairs.items, character, hand) == hand) == 1.0
    rows = known.columns(("character", "hand"))
    other = [
        np.flatnonzero((rows[:, 0] == c) & (rows[:, 1] % HANDS != h % HANDS))[0]
        for c, h in zip(character, hand, strict=True)
    ]
    alone = [
        judge.read(known.items[i : i + 1], character[k : k + 1], hand[k : k + 1])[0]
        for k, i in enumerate(other)
    ]
    assert np.mean(np.asarray(alone) == rows[other, 1]) > 0.7


def test_an_image_counts_relative_to_its_character():
    """Told the wrong characters, the judge takes their differences for the hand's."""
    known, pairs, character, hand = split(strokes(noise=0.0))
    judge = fit_hand_judge(known)
    wrong = character.copy()
    for one in (0, 1):
        own = judge.alphabets[hand] == one
        wrong[own] = np.roll(character[own], 5)
    told = judge.log_likelihoods(pairs.items, character)[np.arange(len(hand)), hand]
    mistold = judge.log_likelihoods(pairs.items, wrong)[np.arange(len(hand)), hand]
    assert told.mean() > mistold.mean() + 1.0


def test_log_likelihoods_are_of_a_gaussian_about_character_and_hand():
    known, pairs, character, _ = split(strokes(noise=0.2))
    judge = fit_hand_judge(known)
    found = judge.log_likelihoods(pairs.items[:1], character[:1])[0]
    for hand in (0, HANDS):
        apart = features_of(pairs.items[:1])[0] - judge.usual[character[0]] - judge.hands[hand]
        precision = judge.precisions[judge.alphabets[hand]]
        sign, logdet = np.linalg.slogdet(precision)
        assert sign == 1
        assert found[hand] == pytest.approx(0.5 * logdet - 0.5 * apart @ precision @ apart)


def test_a_hand_without_known_images_is_never_read():
    data = strokes()
    character, hand = data.columns(("character", "hand")).T
    absent = data.value_names["hand"].index("A/0")
    found = fit_hand_judge(data.take(np.flatnonzero(hand != absent))).read(
        data.items, character, hand
    )
    assert absent in hand and absent not in found


def test_features_of_a_bar_by_hand():
    image = np.zeros((1, 9, 9))
    image[0, 2:7, 3:6] = 1.0  # 5 x 3, its centre one row above and at the middle column
    found = dict(enumerate(features_of(image)[0]))
    assert found[0] == pytest.approx(np.log(15), abs=1e-3)
    assert found[1] == pytest.approx(0.5 * np.log((25 - 1) / 12), abs=1e-3)
    assert found[2] == pytest.approx(0.5 * np.log((9 - 1) / 12), abs=1e-3)
    assert found[3] == pytest.approx(0.0, abs=1e-4)
    assert found[8] == pytest.approx(15 / 81)
    assert found[9] == pytest.approx(1.0, abs=1e-3)
    assert (found[10], found[11]) == pytest.approx((6 / 15, 10 / 15), abs=1e-3)
    lean = np.eye(9)[None]
    assert features_of(lean)[0, 3] == pytest.approx(1.0, abs=1e-2)
    assert features_of(lean[:, :, ::-1])[0, 3] == pytest.approx(-1.0, abs=1e-2)


def test_a_character_of_one_known_image_is_refused():
    data = strokes()
    own = data.columns(("character",))[:, 0]
    rows = np.concatenate([np.flatnonzero(own == 0)[:1], np.flatnonzero(own != 0)])
    with pytest.raises(InputError, match="character A/0: one known image; accepted: two or more"):
        fit_hand_judge(data.take(rows))
