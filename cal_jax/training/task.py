"""Assembly and validation of a training task from a model, an objective and data."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Model, Variables, init_variables, map_objective
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.group_vae import GroupVAE
from cal_jax.models.statistician import NeuralStatistician
from cal_jax.models.vae import VAE
from cal_jax.objectives.checks import WatchedGenerative, check_support
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.training.config import EACH_SET, Objective, Task
from cal_jax.training.recipes import recipe_of
from cal_jax.training.source import SetSource, shown_sets
from cal_jax.training.step import DataSet

OBJECTIVES = {
    NeuralStatistician: Objective(neural_statistician_elbo),
    GroupVAE: Objective(neural_statistician_elbo),
    VAE: Objective(vae_elbo, of_sets=False),
}
"""Default objectives of the library's models."""


def objective_of(
    model: Model, objective: Objective | Callable[..., Any] | None, steps: int
) -> Objective:
    """The given objective or the model's default; for a context-aware learner, its recipe.

    Raises:
      InputError: no objective for a model outside the library.
    """
    if isinstance(objective, Objective):
        return objective
    if objective is not None:
        return Objective(objective)
    if isinstance(model, ContextAwareLearner):
        return recipe_of(model, steps)
    for kind, usual in OBJECTIVES.items():
        if isinstance(model, kind):
            return usual
    accepted = ", ".join(kind.__name__ for kind in (ContextAwareLearner, *OBJECTIVES))
    raise InputError(
        f"objective: none for a {type(model).__name__}; accepted: a pure objective, or a model of "
        f"the kinds {accepted}"
    )


def task_of(model: Model, source: SetSource, objective: Objective, seed: int) -> Task:
    """The task of one seed for ``training.train.train``.

    ``init`` draws the initial variables and, on the way, checks the data: its shapes against
    the model's, its values against the support of the likelihood.
    """

    def init() -> Variables:
        key = jax.random.key(seed)
        shown = shown_sets(source, key)
        require_items(shown[0].data[0], model, objective)
        given = objective.at_step(jnp.int32(0))
        watched = Watched(objective)
        one: DataSet = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), shown[0])
        x, *labels = one.data
        x = blank_padding(x, one.mask)
        variables = init_variables(watched.bound, model, key, x, *labels, *given)
        for sets in shown:
            mask = None if sets.mask is None else np.asarray(sets.mask)
            for likelihood in watched.likelihoods or [None]:
                check_support(likelihood, sets.data[0], mask)
        return variables

    return Task(
        init,
        map_objective(objective.bound, model, extra_axes=(DEVICE,)),
        objective.criterion,
        source.draw,
        source.data,
        source.num_sets,
        objective.of_sets,
        objective.batch_objective,
        objective.weights,
        objective.at_step,
    )


def require_items(x: Any, model: Model, objective: Objective) -> None:
    """Refuse items of another shape than the model's ``event_shape``, if it has one.

    Raises:
      InputError: then.
    """
    event = getattr(model, "event_shape", None)
    leading = ("M", "N") if objective.of_sets else ("M",)
    if event is not None and x.shape[len(leading) :] != tuple(event):
        accepted = ", ".join([*leading, *map(str, event)])
        raise InputError(f"x: shape {x.shape}; accepted: [{accepted}], as the model has items")


class Watched:
    """An objective's bound that records its likelihoods and checks its terms.

    Args:
      objective: whose.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.likelihoods: list[Any] = []

    def bound(self, key: Any, generative: Any, inference: Any, *data: Any) -> Any:
        """The bound's value.

        Raises:
          InputError: it is no NamedTuple of terms, or without those of its criterion.
        """
        terms = self._objective.bound(
            key, WatchedGenerative(generative, self.likelihoods), inference, *data
        )
        needed = ["reconstruction"] if self._objective.criterion is weighted_objective else []
        fields = getattr(terms, "_fields", ())
        if self._objective.batch_objective is EACH_SET and not {"elbo", *needed} <= set(fields):
            raise InputError(
                f"objective: returned {', '.join(fields) or type(terms).__name__}; accepted: a "
                f"NamedTuple of terms with {', '.join(['elbo', *needed])}; for one without parts, "
                "Objective(bound, criterion=cal_jax.unweighted)"
            )
        return terms
