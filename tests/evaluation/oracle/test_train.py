"""Training on bars whose place and colour are known, and reading them back."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.oracle import train as oracles
from cal_jax.evaluation.oracle.storage import digest
from cal_jax.evaluation.oracle.train import OracleConfig

SIDE = 9
FACTORS = {"row": 3, "background": 2}
CONFIG = OracleConfig(widths=(8, 12, 16), steps=200, batch=32, learning_rate=5e-3)


@functools.partial(jax.jit, static_argnames="batch")
def draw_bars(key, data=None, batch=32):
    """A noisy bar across the upper, middle or lower third, black on white or white on black."""
    row_key, background_key, noise_key = jax.random.split(key, 3)
    row = jax.random.randint(row_key, (batch,), 0, 3)
    background = jax.random.randint(background_key, (batch,), 0, 2)
    on = jnp.arange(SIDE)[None, :] // 3 == row[:, None]
    chance = jnp.where(on, 0.9, 0.05)[:, :, None]
    x = jax.random.bernoulli(noise_key, chance, (batch, SIDE, SIDE)).astype(jnp.float32)
    x = jnp.where(background[:, None, None] == 1, 1 - x, x)
    return x, jnp.stack([row, background], axis=-1)


@pytest.fixture(scope="module")
def trained():
    return oracles.train_oracle(draw_bars, None, FACTORS, SIDE, CONFIG)


def test_it_reads_every_factor(trained):
    x, values = draw_bars(jax.random.key(99), batch=300)
    read = oracles.accuracy(trained, x, values)
    assert list(read) == ["row", "background"]
    assert min(read.values()) > 0.97


def test_predictions_keep_leading_axes_and_do_not_depend_on_the_padding(trained, monkeypatch):
    x = np.asarray(draw_bars(jax.random.key(5), batch=12)[0])
    together = oracles.predict(trained, x.reshape(3, 4, SIDE, SIDE))
    assert together.shape == (3, 4, 2)
    assert together.dtype == np.int32
    monkeypatch.setattr(oracles, "PREDICT_BATCH", 5)
    np.testing.assert_array_equal(oracles.predict(trained, x), together.reshape(12, 2))


def test_no_images_give_no_predictions(trained):
    assert oracles.predict(trained, np.zeros((0, SIDE, SIDE))).shape == (0, 2)


def test_prediction_is_compiled_once(trained):
    x = np.asarray(draw_bars(jax.random.key(5), batch=12)[0])
    oracles.predict(trained, x)
    before = oracles._read._cache_size()
    oracles.predict(trained, x[:3])
    oracles.predict(trained, np.concatenate([x] * 50))
    assert oracles._read._cache_size() == before


def test_the_same_seed_gives_the_same_oracle_and_progress_is_told(trained):
    told = []
    again = oracles.train_oracle(
        draw_bars,
        None,
        FACTORS,
        SIDE,
        CONFIG,
        progress=lambda step, loss: told.append((step, loss)),
    )
    jax.tree.map(np.testing.assert_array_equal, again.variables, trained.variables)
    assert [step for step, _ in told] == list(range(10, 201, 10))
    assert told[-1][1] < 0.5 < told[0][1]


@pytest.mark.parametrize("change", [{"max_blur": 1.0}, {"shift": 1}, {"seed": 1}])
def test_what_is_done_to_training_images_changes_the_oracle(change):
    digests = set()
    for config in (CONFIG, dataclasses.replace(CONFIG, **change)):
        short = dataclasses.replace(config, steps=2)
        digests.add(digest(oracles.train_oracle(draw_bars, None, FACTORS, SIDE, short)))
    assert len(digests) == 2


def test_shifts_move_an_image_and_repeat_its_edge():
    x = np.zeros((64, SIDE, SIDE), np.float32)
    x[:, 4, 4] = 1.0
    shift = jax.jit(oracles._shifted, static_argnums=2)
    moved = shift(jax.random.key(0), x, 1)
    places = {(int(r), int(c)) for _, r, c in np.argwhere(np.asarray(moved) == 1)}
    assert places == {(r, c) for r in (3, 4, 5) for c in (3, 4, 5)}
    white = shift(jax.random.key(0), np.ones_like(x), 1)
    assert float(white.min()) == 1.0


def test_each_image_is_drawn_again_more_or_less_blurred():
    x = np.zeros((400, SIDE, SIDE), np.float32)
    x[:, :, 4] = 1.0
    blur = jax.jit(oracles._blurred, static_argnums=2)
    drawn = np.asarray(blur(jax.random.key(0), x, 1.5))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    columns = drawn.mean(axis=(0, 1))
    assert columns.sum() == pytest.approx(1.0, abs=0.05)
    assert columns[4] < 0.7
    assert columns[3] == pytest.approx(columns[5], abs=0.05)
    assert columns[3] > 0.1
    assert columns[[0, 1, 7, 8]].max() == 0.0
    per_image = drawn[:, :, 4].mean(axis=1)
    assert per_image.max() == 1.0
    assert per_image.min() < 0.4
    white = blur(jax.random.key(0), np.ones_like(x), 1.5)
    assert float(white.min()) == 1.0
    np.testing.assert_array_equal(blur(jax.random.key(0), x, 0.0), x)


@pytest.mark.parametrize(
    ("factors", "side", "config"),
    [
        (FACTORS, 7, CONFIG),
        ({}, SIDE, CONFIG),
        ({"row": 1, "background": 2}, SIDE, CONFIG),
        ({"row": 3}, SIDE, CONFIG),
        (FACTORS, 10, CONFIG),
        (FACTORS, SIDE, OracleConfig(batch=33)),
        (FACTORS, SIDE, OracleConfig(steps=0, batch=32)),
        (FACTORS, SIDE, OracleConfig(widths=(4,), batch=32)),
        (FACTORS, SIDE, OracleConfig(max_blur=-0.1, batch=32)),
        (FACTORS, SIDE, OracleConfig(max_blur=2.5, batch=32)),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(factors, side, config):
    with pytest.raises(InputError) as caught:
        oracles.train_oracle(draw_bars, None, factors, side, config)
    assert "\n" not in str(caught.value)


def test_images_of_another_size_are_refused(trained):
    with pytest.raises(InputError, match="9 x 9"):
        oracles.predict(trained, np.zeros((3, 14, 14)))
