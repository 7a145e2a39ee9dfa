"""Models in which one context acts on what the others and z draw, however it acts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import init_variables, map_model
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.label import label_elbo
from tests.small_models import INVERTING, TURNING, binary_sets, small_config


@pytest.mark.parametrize(
    ("changes", "act"), [(TURNING, jnp.rot90), (INVERTING, lambda image: 1 - image)]
)
def test_labels_are_read_from_what_is_shown_and_from_what_is_done_to_it(changes, act):
    model = ContextAwareLearner(small_config(**changes, num_labels=2))
    x = jnp.asarray(binary_sets(1, 4)[0][0])
    labels = jnp.eye(2), jnp.zeros(2)
    exact = functools.partial(label_elbo, estimator="exact")
    variables = init_variables(exact, model, jax.random.key(0), x, *labels)

    def logits(_, inference, x):
        return inference.labels(inference.encode(x), None)

    of = jax.jit(map_model(logits, model))
    alike, apart = (of(variables, images[None])[0] for images in (x, x.at[1].set(act(x[1]))))
    assert np.abs(apart - alike).max() > 1e-5
