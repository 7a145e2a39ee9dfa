"""What a step costs: of the step itself, whose state is updated in place."""

import jax
import pytest

from benchmarks.cost import lowered_step
from benchmarks.workloads import MODELS, workload


@pytest.mark.parametrize("model", MODELS)
def test_the_memory_of_a_step_counts_its_state_once(model):
    work = workload(model, "smoke")
    memory = lowered_step(work, work.model).compile().memory_analysis()
    parameters = jax.tree.leaves(jax.eval_shape(lambda: work.init(work.model)["params"]))
    of_adam = 3 * sum(leaf.size * leaf.dtype.itemsize for leaf in parameters)
    assert memory.alias_size_in_bytes >= of_adam
