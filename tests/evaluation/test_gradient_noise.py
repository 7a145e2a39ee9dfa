"""The noise of label gradients: the exact sum's is low, straight-through's is high and biased."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.gradient_noise import label_gradient_noise
from cal_jax.mapping import init_variables
from cal_jax.objectives.label_bounds import label_bounds
from tests.small_models import binary_sets, small_model

SUPPORT = np.eye(2, dtype=np.float32)
LOG_PRIOR = np.log(np.full(2, 0.5, np.float32))


def noise(**options):
    model, _ = small_model(num_labels=2)
    x, _ = binary_sets(2, 3)
    variables = init_variables(label_bounds, model, jax.random.key(0), x[0], jnp.asarray(SUPPORT))
    return label_gradient_noise(
        model, variables, jax.random.key(1), x, SUPPORT, LOG_PRIOR, **options
    )


def test_the_exact_sum_is_less_noisy_and_the_same_beside_every_estimator():
    gumbel, rao = (noise(estimator=name, keys=200) for name in ("gumbel", "rao"))
    assert 0 < 2 * gumbel["exact"].variance < rao["rao"].variance < gumbel["gumbel"].variance
    assert gumbel["exact"] == rao["exact"] and rao["exact"].squared_bias == 0
    spread = np.sqrt(gumbel["gumbel"].variance / 200)
    assert abs(rao["rao"].squared_bias - gumbel["gumbel"].squared_bias) < 20 * spread


def test_one_key_has_no_covariance():
    with pytest.raises(InputError, match="keys must be 2 or more"):
        noise(estimator="gumbel", keys=1)
