"""The plain Flax form has the model's parameters and its values."""

import jax
import numpy as np
import pytest

from benchmarks.workloads import MODELS, workload
from cal_jax.inference.mapping import dataset_keys, map_objective


@pytest.mark.parametrize("name", MODELS)
def test_the_plain_form_has_the_same_parameters_and_terms(name):
    work = workload(name, "smoke")
    variables, shapes = work.init(work.model), jax.eval_shape(lambda: work.init(work.plain))
    assert jax.tree.map(np.shape, variables["params"]) == jax.tree.map(
        lambda leaf: leaf.shape, shapes["params"]
    )
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes["batch_stats"])
    plain = {"params": variables["params"], "batch_stats": zeros}
    keys = dataset_keys(jax.random.key(1), 0, 4, 1)
    terms = []
    for model, own in ((work.model, variables), (work.plain, plain)):
        mapped = jax.jit(map_objective(work.objective, model))
        terms.append(mapped(own, keys, *(array[:4] for array in work.data))[0])
    for one, other in zip(*terms, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
