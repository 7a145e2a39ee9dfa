"""The scores of generated sets, of images that carry their own labels: no oracle needed."""

import jax
import numpy as np
import pytest

from cal_jax.evaluation.generation_scores import (
    Generated,
    Real,
    RealSets,
    generate,
    generation_scores,
)
from cal_jax.inference.sample import GeneratedSet
from cal_jax.metrics.merged import readings_of_rotated_digits

NAMES = ("digit", "rotation")
SETS, ITEMS = 300, 6


def labels_of(label, seed):
    """Labels int [S, N, 2] of ideal sets of a label."""
    rng = np.random.default_rng(seed)
    values = np.stack([rng.integers(size, size=(SETS, ITEMS)) for size in (10, 8)], axis=-1)
    return np.where(np.array(label) == 1, values[:, :1], values)


def image(labels):
    """Images [..., 1, 2] that hold their labels."""
    return labels[..., None, :].astype(np.float32)


def read(x):
    return x[..., 0, :].astype(int)


def real_sets():
    one = [RealSets(image(f), f) for f in (labels_of((1, 0), 0), labels_of((0, 1), 1))]
    every, none = (labels_of(label, 2) for label in ((1, 1), (0, 0)))
    return Real(tuple(one), RealSets(image(every), every), RealSets(image(none), none))


def as_generated(labels, means=None):
    return GeneratedSet(image(labels), image(labels if means is None else means))


def ideal(real):
    """What a perfect model would generate."""
    digit, rotation = (sets.factors for sets in real.one_constant)
    sources = np.stack([digit[:, 0, 0], rotation[:, 0, 1]], axis=-1)
    return Generated(
        unconditional=tuple(as_generated(labels_of(label, 5)) for label in ((1, 0), (0, 1))),
        conditional=(as_generated(digit), as_generated(rotation)),
        synthesis=as_generated(np.repeat(sources[:, None], ITEMS, axis=1)),
        all_constant=as_generated(labels_of((1, 1), 6)),
        none_constant=as_generated(labels_of((0, 0), 7)),
    )


def scores_of(generated, real, merge=None):
    return generation_scores(NAMES, generated, real, read, merge)


def test_a_perfect_model_reaches_every_ceiling():
    real = real_sets()
    scores = scores_of(ideal(real), real)
    names = {name.removesuffix("_means") for name in scores}
    assert len(scores) == 2 * len(names) == 2 * (5 * 2 + 2)
    for name, score in scores.items():
        assert score.value == pytest.approx(score.ceiling, abs=0.03), name
    assert scores["synthesis_joint"].value == scores["conditional_digit"].value == 1.0
    assert scores["neither_mutual_information"].value < 0.04


def test_each_fault_shows_in_its_own_score():
    real = real_sets()
    good = ideal(real)
    before = scores_of(good, real)

    def changed(**fields):
        after = scores_of(good._replace(**fields), real)
        return {name for name in before if abs(after[name].value - before[name].value) > 0.05} - {
            name for name in before if name.endswith("_means")
        }

    wrong_digit = real.one_constant[0].factors.copy()
    wrong_digit[:, : ITEMS // 2, 0] = (wrong_digit[:, : ITEMS // 2, 0] + 1) % 10
    given = (as_generated(wrong_digit), good.conditional[1])
    assert changed(conditional=given) == {"conditional_digit"}
    still = real.one_constant[0].factors.copy()
    still[..., 1] = still[:, :1, 1]
    given = (as_generated(still), good.conditional[1])
    assert changed(conditional=given) == {"diversity_rotation"}
    loose = (as_generated(labels_of((0, 0), 8)), good.unconditional[1])
    assert changed(unconditional=loose) == {"unconditional_digit"}
    every = labels_of((1, 0), 9)
    assert changed(all_constant=as_generated(every)) == {"all_constant_rotation"}
    none = labels_of((0, 0), 10)
    tied = np.stack([none[..., 1], none[..., 1]], axis=-1)
    assert changed(none_constant=as_generated(tied)) == {"neither_mutual_information"}
    constant = labels_of((0, 1), 11)
    assert changed(none_constant=as_generated(constant)) == {"neither_diversity_rotation"}
    assert changed(synthesis=as_generated(labels_of((1, 1), 12))) == {"synthesis_joint"}


def test_three_contexts_have_three_sources_and_a_name_of_their_own():
    names, sizes = (*NAMES, "background"), (10, 8, 2)

    def of(label, seed):
        values = np.random.default_rng(seed).integers(sizes, size=(SETS, ITEMS, 3))
        return np.where(np.array(label) == 1, values[:, :1], values)

    alone = [of(label, seed) for seed, label in enumerate(np.eye(3))]
    every, none = of((1, 1, 1), 3), of((0, 0, 0), 4)
    real = Real(
        tuple(RealSets(image(f), f) for f in alone),
        RealSets(image(every), every),
        RealSets(image(none), none),
    )
    sources = np.stack([values[:, 0, k] for k, values in enumerate(alone)], axis=-1)
    synthesis = np.repeat(sources[:, None], ITEMS, axis=1)
    good = Generated(
        tuple(map(as_generated, alone)),
        tuple(map(as_generated, alone)),
        as_generated(synthesis),
        as_generated(every),
        as_generated(none),
    )

    def merge(labels):
        return readings_of_rotated_digits(labels, names)

    scores = generation_scores(names, good, real, read, merge)
    assert {name for name in scores if name.startswith("synthesis")} == {
        f"synthesis_triple{merged}{means}" for merged in ("", "_merged") for means in ("", "_means")
    }
    for name, score in scores.items():
        assert score.value == pytest.approx(score.ceiling, abs=0.03), name
    two_right = synthesis.copy()
    two_right[..., 2] = 1 - two_right[..., 2]
    after = generation_scores(
        names, good._replace(synthesis=as_generated(two_right)), real, read, merge
    )
    assert after["synthesis_triple"].value == after["synthesis_triple_merged"].value == 0


def test_means_are_scored_apart_from_samples():
    real = real_sets()
    good = ideal(real)
    blurred = np.zeros_like(real.one_constant[0].factors)
    synthesis = as_generated(read(good.synthesis.samples), means=blurred)
    scores = scores_of(good._replace(synthesis=synthesis), real)
    assert scores["synthesis_joint"].value == 1 and scores["synthesis_joint_means"].value < 0.2


def test_merged_scores_forgive_what_looks_the_same_and_nothing_else():
    real = real_sets()
    good = ideal(real)

    def merge(labels):
        return readings_of_rotated_digits(labels, NAMES)

    digits = read(good.synthesis.samples)
    twins = merge(digits)[..., 1, :]
    scores = scores_of(good._replace(synthesis=as_generated(twins)), real, merge)
    assert scores["synthesis_joint"].value < 0.7 < scores["synthesis_joint_merged"].value == 1
    assert scores["conditional_digit_merged_means"].value == 1
    added = set(scores) - set(scores_of(good, real))
    assert {name.removesuffix("_means") for name in added} == {
        "conditional_digit_merged",
        "conditional_rotation_merged",
        "unconditional_digit_merged",
        "unconditional_rotation_merged",
        "all_constant_digit_merged",
        "all_constant_rotation_merged",
        "synthesis_joint_merged",
    }
    far = (digits + 1) % 8
    scores = scores_of(good._replace(synthesis=as_generated(far)), real, merge)
    assert scores["synthesis_joint_merged"].value < 0.1


def test_each_kind_of_set_is_asked_for_with_its_own_label():
    asked = []

    class Recorder:
        def unconditional(self, key, a, count):
            asked.append(("unconditional", tuple(a), count))

        def conditional(self, key, x, a):
            asked.append(("conditional", tuple(a), len(x)))

        def synthesise(self, key, x, labels):
            asked.append(("synthesise", x.shape[:2], labels.tolist()))

    generate(Recorder(), jax.random.key(0), real_sets())
    assert asked == [
        ("unconditional", (1, 0), SETS),
        ("unconditional", (0, 1), SETS),
        ("conditional", (1, 0), SETS),
        ("conditional", (0, 1), SETS),
        ("synthesise", (SETS, 2), [[1, 0], [0, 1]]),
        ("unconditional", (1, 1), SETS),
        ("unconditional", (0, 0), SETS),
    ]
