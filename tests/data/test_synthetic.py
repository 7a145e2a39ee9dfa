"""Moments and shapes of the drawn families, under both generators."""

import numpy as np
import pytest

from cal_jax.data.synthetic import (
    EXPONENTIAL,
    FAMILIES,
    LAPLACIAN,
    MIXTURE,
    REVERSE_EXPONENTIAL,
    synthetic_sets,
)
from cal_jax.errors import InputError

GENERATORS = ["population", "author"]


def standardised(sets):
    mean, scale = sets.mean[:, None], np.sqrt(sets.variance)[:, None]
    return (sets.x[..., 0] - mean) / scale


@pytest.mark.parametrize("generator", GENERATORS)
def test_shapes_types_and_parameters(generator):
    sets = synthetic_sets(np.random.default_rng(0), 4000, 7, generator=generator)
    assert sets.x.shape == (4000, 7, 1) and sets.x.dtype == np.float32
    assert sets.family.dtype == np.int32
    assert sets.mean.dtype == sets.variance.dtype == np.float32
    assert np.bincount(sets.family) / 4000 == pytest.approx([0.25] * len(FAMILIES), abs=0.03)
    exponential = sets.family == EXPONENTIAL
    m, v = sets.mean[exponential], sets.variance[exponential]
    assert (-1 <= m.min() < -0.98) and (0.98 < m.max() <= 1) and abs(m.mean()) < 0.06
    assert (0.5 <= v.min() < 0.52) and (1.97 < v.max() <= 2) and abs(v.mean() - 1.25) < 0.05


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("family", range(len(FAMILIES)))
def test_items_have_the_mean_and_variance_of_their_distribution(generator, family):
    sets = synthetic_sets(np.random.default_rng(1), 1200, 200, generator=generator)
    standard = standardised(sets)[sets.family == family]
    assert standard.mean() == pytest.approx(0, abs=0.02)
    assert np.square(standard).mean() == pytest.approx(1, abs=0.04)


def test_population_families_have_their_shapes():
    sets = synthetic_sets(np.random.default_rng(2), 800, 500)
    by_family = [standardised(sets)[sets.family == family] for family in range(4)]
    skewness = [np.mean(standard**3) for standard in by_family]
    assert skewness == pytest.approx([0, 0, 2, -2], abs=0.15)
    # Gaussians at +-0.9: E s^4 = a^4 + 6 a^2 b^2 + 3 b^4 with b^2 = 1 - a^2; Laplace: 6.
    assert np.mean(by_family[MIXTURE] ** 4) == pytest.approx(1.6878, abs=0.03)
    assert np.mean(by_family[LAPLACIAN] ** 4) == pytest.approx(6, abs=0.5)
    assert by_family[EXPONENTIAL].min() >= -1 - 1e-6
    assert by_family[REVERSE_EXPONENTIAL].max() <= 1 + 1e-6


def test_population_components_vary_from_item_to_item():
    sets = synthetic_sets(np.random.default_rng(3), 2000, 50)
    above = (standardised(sets) > 0).sum(1)[sets.family == MIXTURE]
    assert above.var() == pytest.approx(50 / 4, rel=0.2)


def test_author_mixture_is_half_on_each_side_of_zero():
    sets = synthetic_sets(np.random.default_rng(4), 400, 51, generator="author")
    mixture = sets.x[sets.family == MIXTURE, :, 0]
    assert np.mean((mixture < 0).sum(1)) == pytest.approx(25, abs=1)
    assert abs(np.corrcoef(np.arange(51), mixture.mean(0))[0, 1]) < 0.5  # sides are shuffled
    # 1 + |m| is U[1, 2] and v / 2 is U[0.25, 1]: E = 7/3 + 7/16.
    assert np.square(mixture).mean() == pytest.approx(7 / 3 + 7 / 16, rel=0.07)


def test_author_exponentials_have_exact_sample_moments():
    sets = synthetic_sets(np.random.default_rng(5), 200, 10, generator="author")
    for family, sign in ((EXPONENTIAL, 1), (REVERSE_EXPONENTIAL, -1)):
        chosen = sets.family == family
        items = sets.x[chosen, :, 0].astype(float)
        assert items.mean(1) == pytest.approx(sets.mean[chosen], abs=1e-5)
        assert items.var(1) == pytest.approx(sets.variance[chosen], rel=1e-5)
        assert np.sign(np.mean(standardised(sets)[chosen] ** 3)) == sign


def test_author_laplacian_takes_v_for_its_scale():
    sets = synthetic_sets(np.random.default_rng(6), 2000, 3, generator="author")
    scale = np.sqrt(sets.variance[sets.family == LAPLACIAN] / 2)
    assert (0.5 <= scale.min() < 0.53) and (1.97 < scale.max() <= 2)


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_generator_state_alone_decides(generator):
    first, again, other = (
        synthetic_sets(np.random.default_rng(seed), 20, 5, generator=generator)
        for seed in (7, 7, 8)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize(
    ("num_sets", "set_size", "generator", "message"),
    [
        (0, 5, "population", "num_sets 0; accepted: 1 or more"),
        (5, 0, "population", "set_size 0; accepted: 1 or more"),
        (5, 1, "author", "set_size 1; accepted: 2 or more"),
        (5, 5, "thesis", "generator 'thesis'; accepted: population, author"),
    ],
)
def test_bad_arguments_are_named(num_sets, set_size, generator, message):
    with pytest.raises(InputError, match=message):
        synthetic_sets(np.random.default_rng(0), num_sets, set_size, generator=generator)


def test_a_set_may_have_one_item():
    assert synthetic_sets(np.random.default_rng(0), 1, 1).x.shape == (1, 1, 1)
