"""The noise of label gradients: of a drawn label, and of contexts and z alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.gradient_noise import label_gradient_noise
from cal_jax.inference.mapping import init_variables
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.objectives.label_bounds import label_bounds
from tests.small_models import binary_sets, small_model

SUPPORT = np.eye(2, dtype=np.float32)
LOG_PRIOR = np.log(np.full(2, 0.5, np.float32))


def noise(initialisation=0, averages=1.0, **options):
    model, _ = small_model(labels=PooledLabels(2))
    x, _ = binary_sets(2, 3)
    variables = init_variables(
        label_bounds, model, jax.random.key(initialisation), x[0], jnp.asarray(SUPPORT)
    )
    moved = jax.tree.map(lambda average: averages * average, variables["batch_stats"])
    variables = {**variables, "batch_stats": moved}
    return label_gradient_noise(
        model, variables, jax.random.key(1), x, SUPPORT, LOG_PRIOR, **options
    )


def test_rao_is_less_noisy_than_straight_through_and_the_exact_sum_the_same_beside_both():
    """Noise of eight untrained models: the ratio of one varies by as much as it differs from 1."""
    each = [
        [noise(initialisation, estimator=name, keys=100) for name in ("gumbel", "rao")]
        for initialisation in range(8)
    ]
    drawn, conditioned = (
        sum(found[index][name].variance for found in each)
        for index, name in enumerate(("gumbel", "rao"))
    )
    assert 0 < conditioned < 0.95 * drawn
    gumbel, rao = each[0]
    assert gumbel["exact"] == rao["exact"] and rao["exact"].squared_bias == 0
    assert gumbel["exact"].variance > 0  # that of the contexts and z
    spread = np.sqrt(gumbel["gumbel"].variance / 100)
    assert abs(rao["rao"].squared_bias - gumbel["gumbel"].squared_bias) < 20 * spread


def test_one_key_has_no_covariance():
    with pytest.raises(InputError, match="keys must be 2 or more"):
        noise(estimator="gumbel", keys=1)


def test_the_model_is_normalised_by_the_batch_as_in_training():
    """Running averages, which an untrained model does not have yet, change nothing."""
    as_it_is, moved = (noise(estimator="gumbel", keys=20, averages=by) for by in (1.0, 3.0))
    assert as_it_is == moved
