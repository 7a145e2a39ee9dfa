"""Training on shapes of points that are known, and reading them back."""

import jax
import numpy as np
import pytest

from cal_jax.data.images import LabelledImages
from cal_jax.data.point_sets import HALF_WIDTH, point_sets
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle import points as oracles
from cal_jax.evaluation.oracle.points import PointOracleConfig, soft_histogram

SIDE, POINTS = 8, 12
CONFIG = PointOracleConfig(
    grid=8, channels=(8,), width=16, steps=80, batch_size=32, learning_rate=1e-2
)


def bars(count):
    """A bar across the upper, middle or lower third: digits 0, 1 and 2."""
    digits = (np.arange(count) % 3).astype(np.int32)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for image, digit in zip(images, digits, strict=True):
        image[3 * digit : 3 * digit + 2, 1:-1] = 200
    return LabelledImages(images, digits)


@pytest.fixture(name="trained", scope="module")
def trained_oracle():
    return oracles.train_point_oracle(bars(30), POINTS, CONFIG)


@pytest.fixture(name="test_sets", scope="module")
def sets_of_points():
    images = bars(90)
    return point_sets(np.random.default_rng(5), images.images, POINTS), images.labels


def test_it_reads_the_digit(trained, test_sets):
    x, digits = test_sets
    assert oracles.accuracy(trained, x, digits) > 0.97
    assert oracles.accuracy(trained, x, (digits + 1) % 3) < 0.03
    assert oracles.predict(trained, x).dtype == np.int32


def test_predictions_depend_neither_on_the_order_of_points_nor_on_batch_mates(
    trained, test_sets, monkeypatch
):
    x, _ = test_sets
    noise = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    together = oracles.predict(trained, x + noise)
    assert len(set(together)) > 1
    shuffled = np.random.default_rng(1).permutation((x + noise).swapaxes(0, 1)).swapaxes(0, 1)
    np.testing.assert_array_equal(oracles.predict(trained, shuffled), together)
    monkeypatch.setattr(oracles, "PREDICT_BATCH", 7)
    np.testing.assert_array_equal(oracles.predict(trained, x + noise), together)


def test_the_same_seed_gives_the_same_digest(trained):
    assert len(oracles.digest(trained)) == 64
    again = oracles.train_point_oracle(bars(30), POINTS, CONFIG)
    assert oracles.digest(again) == oracles.digest(trained)
    changed = jax.tree.map(lambda leaf: leaf * np.float32(1.0001), trained.variables)
    assert oracles.digest(trained._replace(variables=changed)) != oracles.digest(trained)


def test_a_point_makes_its_bump_at_its_own_place():
    grid = np.linspace(-HALF_WIDTH, HALF_WIDTH, 6)
    point = np.array([[[grid[4], grid[1]]]], np.float32)
    (bump,) = np.asarray(soft_histogram(point, 6))
    assert np.unravel_index(bump.argmax(), bump.shape) == (1, 4)
    assert bump[1, 4] == pytest.approx(6)
    assert bump[1, 3] == pytest.approx(6 * np.exp(-0.5 / oracles.BUMP**2), rel=1e-4)
    many = np.repeat(point, 9, axis=1)
    np.testing.assert_allclose(soft_histogram(many, 6)[0], bump, rtol=1e-5)


def test_what_cannot_be_trained_or_read_is_refused(trained):
    images = bars(3)
    images.images[1] = 0
    with pytest.raises(InputError, match="image 1 is blank"):
        oracles.train_point_oracle(images, POINTS, CONFIG)
    for shape in ((0, 5, 2), (5, 2), (4, 5, 3), (4, 0, 2)):
        with pytest.raises(InputError, match=r"accepted: \[M, N, 2\]"):
            oracles.predict(trained, np.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "oracle.steps must be at least 1: got 0"),
        ({"grid": 1}, "oracle.grid must be at least 2"),
        ({"channels": ()}, "oracle.channels must be one or more"),
        ({"channels": (8, 0)}, "oracle.channels must be one or more"),
        ({"learning_rate": float("nan")}, "oracle.learning_rate must be positive"),
    ],
)
def test_a_bad_config_is_named(change, message):
    with pytest.raises(InputError, match=message):
        PointOracleConfig(**change)
