"""Mapping of an objective of one data set over samples and data sets."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.errors
import flax.linen as nn
import jax
from jax import Array

from cal_jax.axes import DATASET, SAMPLE
from cal_jax.errors import InputError
from cal_jax.inference.leaves import differences, flat
from cal_jax.keys import typed_key
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.objectives.checks import WatchedGenerative

Variables = Any
"""A Flax variable collection: {"params": ..., "batch_stats": ...}."""


class PureModel(NamedTuple):
    """A model of any library, as two pure functions.

    An Equinox module, and a Flax NNX one::

        arrays, rest = eqx.partition(model, eqx.is_array)
        PureModel(
            lambda key: eqx.filter(Model(key), eqx.is_array),
            lambda params: bound(eqx.combine(params, rest)),
        )
        graph, _ = nnx.split(Model(nnx.Rngs(0)))
        PureModel(
            lambda key: nnx.state(Model(nnx.Rngs(key))),
            lambda params: bound(nnx.merge(graph, params)),
        )

    with ``bound`` from the module to its ``(generative, inference)``.
    """

    init: Callable[[Array], Any]
    """A key -> the parameters, a pytree of arrays."""
    bind: Callable[[Any], tuple[Any, Any]]
    """The parameters -> (generative, inference): the callables that an objective takes."""


Model = nn.Module | PureModel
"""A Flax module whose ``generative(ctx)`` and ``inference(ctx)`` return the callables that an
objective takes, or a ``PureModel``."""


class _Bound(NamedTuple):
    """A ``PureModel`` bound to its parameters, without batch statistics."""

    callables: tuple[Any, Any]

    def generative(self, ctx: ApplyContext) -> Any:
        del ctx
        return self.callables[0]

    def inference(self, ctx: ApplyContext) -> Any:
        del ctx
        return self.callables[1]


def _applied(bound: Callable[..., Any], model: Model) -> Callable[..., tuple[Any, Any]]:
    """``(variables, *args) -> (bound(model with variables, *args), updated variables)``."""
    if isinstance(model, PureModel):
        bind = model.bind
        return lambda variables, *args: (bound(_Bound(bind(variables["params"])), *args), {})
    apply = nn.apply(bound, model, mutable=["batch_stats"])

    def applied(variables: Variables, *args: Any) -> tuple[Any, Variables]:
        try:
            return apply(variables, *args)
        except flax.errors.FlaxError as error:
            wanted = flat(_wanted(bound, model, *args))
            found = {name: leaf for name, leaf in flat(variables).items() if name in wanted}
            wrong = differences(found, wanted)
            if not wrong:
                raise
            raise InputError(
                f"variables: not of this model: {wrong}; accepted: those of a "
                f"{type(model).__name__} of the same config and event_shape"
            ) from error

    return applied


def _wanted(bound: Callable[..., Any], model: nn.Module, *args: Any) -> Variables:
    """The shapes of the variables that a function of a bound model reads."""
    return jax.eval_shape(lambda: nn.init(bound, model)(jax.random.key(0), *args))


ONCE = {"xla_backend_optimization_level": 0}
"""Compiler options of programs that run once: half of the compile time, and results that
agree up to rounding."""


def dataset_keys(key: Array, first: int | Array, count: int, samples: int) -> Array:
    """Keys [count, samples], one for each sample of each data set of a batch.

    They are split by *global* data-set index, ``first`` being the index of the
    first one here, so the noise does not depend on how a batch is divided
    between devices.

    Raises:
      InputError: no PRNG key; see ``cal_jax.keys``.
    """
    key = typed_key(key)
    indices = first + jax.numpy.arange(count)
    return jax.vmap(lambda index: jax.random.split(jax.random.fold_in(key, index), samples))(
        indices
    )


def map_objective(
    objective: Callable[..., Any],
    model: Model,
    *,
    extra_axes: tuple[str, ...] = (),
    training: bool = True,
    **options: Any,
) -> Callable[..., tuple[Any, Variables]]:
    """The objective of a batch of data sets, with several samples of each.

    Args:
      objective: a pure objective ``(key, generative, inference, x, *labels,
        **options)`` of one data set, or of one item; with ``mask=`` where its
        items are padded.
      model: see ``Model``.
      extra_axes: mapped axes around this function over which batch statistics
        are taken too ("device" under pmap).
      training: batch statistics, and their running averages updated; False
        evaluates with the running averages and leaves them.
      options: passed to the objective.

    Returns:
      ``mapped(variables, keys [B, S], x [B, N, *X], *labels [B, ...], mask=None
      or [B, N]) -> (terms, batch_stats)``: every term has the leading axes
      [B, S]; ``batch_stats`` are the updated running averages, {} where the
      model has none.
    """

    def bound(
        module: Any, sample_axes: tuple[str, ...], key: Array, mask: Array | None, *data: Array
    ) -> Any:
        ctx = ApplyContext(mask, (*extra_axes, DATASET, *sample_axes) if training else None)
        masked = {} if mask is None else {"mask": mask}
        return objective(
            key, module.generative(ctx), module.inference(ctx), *data, **masked, **options
        )

    apply = _applied(bound, model)

    def mapped(
        variables: Variables, keys: Array, *data: Array, mask: Array | None = None
    ) -> tuple[Any, Variables]:
        keys = typed_key(keys)

        def of_samples(keys: Array, *mask_and_data: Any) -> tuple[Any, Variables]:
            def of_one(sample_axes: tuple[str, ...], key: Array) -> tuple[Any, Variables]:
                terms, updated = apply(variables, sample_axes, key, *mask_and_data)
                return terms, updated.get("batch_stats", {})

            return _over_samples(of_one, keys)

        over_sets = jax.vmap(of_samples, out_axes=(0, None), axis_name=DATASET)
        return over_sets(keys, mask, *data)

    return mapped


def _over_samples(
    of_one: Callable[[tuple[str, ...], Array], tuple[Any, Variables]], keys: Array
) -> tuple[Any, Variables]:
    """The terms of each sample, [S, ...], and the variables that they update.

    ``of_one`` takes the mapped axes of the samples, and a key. A single sample is not
    mapped: tracing the model with one more axis takes a tenth to a fifth of JAX's time to
    trace a step.
    """
    if len(keys) == 1:
        terms, updated = of_one((), keys[0])
        return jax.tree.map(lambda term: term[None], terms), updated
    of_each = functools.partial(of_one, (SAMPLE,))
    return jax.vmap(of_each, out_axes=(0, None), axis_name=SAMPLE)(keys)


def map_model(function: Callable[..., Any], model: Model) -> Callable[..., Any]:
    """A function of a trained model and one data set, mapped over data sets.

    Running averages are used, so a result does not depend on its batch-mates.

    Args:
      function: ``(generative, inference, *args) -> arrays``.
      model: see ``Model``.

    Returns:
      ``(variables, *args [B, ...]) -> arrays [B, ...]``.
    """

    def bound(module: Any, *args: Any) -> Any:
        return function(module.generative(ApplyContext()), module.inference(ApplyContext()), *args)

    apply = _applied(bound, model)

    def mapped(variables: Variables, *args: Any) -> Any:
        return jax.vmap(lambda *one: apply(variables, *one)[0], axis_name=DATASET)(*args)

    return mapped


def likelihoods_of(
    objective: Callable[..., Any], model: Model, variables: Variables, *data: Any
) -> list[Any]:
    """The likelihoods that an objective requests from a model, by tracing alone.

    Args:
      objective, model, variables: see ``map_objective``.
      data: one data set, x [N, *X] and its labels.
    """
    found: list[Any] = []

    def watched(key: Array, generative: Any, inference: Any, *data: Any, **options: Any) -> Any:
        return objective(key, WatchedGenerative(generative, found), inference, *data, **options)

    mapped = map_objective(watched, model, training=False)
    keys = jax.random.split(jax.random.key(0), (1, 1))
    jax.eval_shape(mapped, variables, keys, *(jax.numpy.asarray(array)[None] for array in data))
    return found


def init_variables(
    objective: Callable[..., Any], model: Model, key: Array, *data: Array
) -> Variables:
    """Initial variables of a model: parameters and running averages.

    They are drawn on the host's CPU, if it is one of JAX's platforms, so that a key gives the
    same numbers on every accelerator, by a program compiled without optimisation (a GPU's
    compiler takes 22 seconds for the thesis's learner). Inside another transformation, such
    as ``jax.eval_shape``, neither applies.

    Args:
      objective: the objective that the model will serve.
      model: see ``Model``.
      key: a PRNG key.
      data: one data set, x [N, *X] and its labels, as the objective takes them.
    """

    def bound(module: Any) -> Any:
        ctx = ApplyContext(None, ())
        return objective(key, module.generative(ctx), module.inference(ctx), *data)

    if isinstance(model, PureModel):
        init, bind = model.init, model.bind

        def draw(key: Array) -> Variables:
            variables = {"params": init(key)}
            jax.eval_shape(lambda params: bound(_Bound(bind(params))), variables["params"])
            return variables
    else:
        draw = nn.init(bound, model)
    if isinstance(key, jax.core.Tracer):
        return draw(key)
    with jax.default_device(_host()):
        return jax.jit(draw, compiler_options=ONCE)(key)


def _host() -> jax.Device | None:
    """The first CPU, or None if JAX does not use it, as with JAX_PLATFORMS=cuda."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None
