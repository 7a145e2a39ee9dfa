"""The training loop of an oracle, against gradient descent by hand."""

import jax.numpy as jnp
import numpy as np
import optax

from cal_jax.evaluation.oracle.minimise import minimise

TARGETS = np.asarray([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]], np.float32)


def _loss_of(data, index):
    """Half the squared distance to the target whose turn it is."""
    return lambda variables: 0.5 * jnp.sum(jnp.square(variables["x"] - data[index % len(TARGETS)]))


def test_each_step_descends_on_the_batch_of_its_index_and_the_loss_before_it_is_told():
    start, told = np.asarray([0.5, 0.5], np.float32), []
    found = minimise(
        _loss_of,
        {"x": jnp.asarray(start)},
        optax.sgd(0.1),
        7,
        jnp.asarray(TARGETS),
        lambda step, loss: told.append((step, loss)),
    )
    x, losses = start.astype(float), []
    for index in range(7):
        apart = x - TARGETS[index % 3]
        losses.append(0.5 * np.sum(apart**2))
        x = x - 0.1 * apart
    assert isinstance(found["x"], np.ndarray)
    np.testing.assert_allclose(found["x"], x, rtol=1e-5)
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_allclose([loss for _, loss in told], losses, rtol=1e-5)


def test_a_long_training_tells_the_loss_some_twenty_times():
    told = []
    variables = {"x": jnp.zeros(2)}
    data = jnp.asarray(TARGETS)
    minimise(_loss_of, variables, optax.sgd(0.1), 100, data, lambda step, _: told.append(step))
    assert told == list(range(5, 101, 5))
