"""A training step as a pure function."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.data.sets import DataSet
from cal_jax.errors import InputError
from cal_jax.fast.joined import Joined, divide_each, join, join_each
from cal_jax.inference.mapping import Variables, dataset_keys
from cal_jax.objectives.weighting import Weights
from cal_jax.training.device_mean import device_mean

Metrics = dict[str, Array]

PRODUCTS = (
    "dot_general",
    "conv_general_dilated",
    "row_product",
    "convolve",
    "transposed_convolve",
)
"""Primitives that take most of a step's time: JAX's own, and those of ``networks``."""


class TrainState(NamedTuple):
    """The state of training.

    Checkpoints hold the model's parameters and optimiser states of the same
    structure. A step takes them joined: see ``packed``.
    """

    step: Array
    """[] int32: steps taken."""
    params: Any
    batch_stats: Any
    opt_state: Any
    memory: Any = ()
    """Of ``BatchObjective``."""


class BatchObjective(NamedTuple):
    """An objective of the sets of a batch; most objectives treat sets independently."""

    combine: Callable[[Any, Any, Weights], tuple[Any, Any]]
    """(what the mapped objective returned, [B, S]; the memory; the weights) -> the terms
    of a bound, [B], a NamedTuple with at least ``elbo``, and the next memory. It runs inside
    a map over "device", and its memory must be the same on every device."""
    memory: Any = ()
    """Before the first step: arrays."""


def mean_over_samples(terms: Any) -> Any:
    """Terms [B, S] of one-sample bounds as the terms [B] of their mean."""
    return jax.tree.map(lambda term: jnp.mean(term, axis=1), terms)


def independent_sets(over_samples: Callable[[Any], Any] = mean_over_samples) -> BatchObjective:
    """The batch objective of independent sets, without memory.

    Args:
      over_samples: what the mapped objective returned, [B, S], to the terms of a bound,
        [B]: their mean, or an importance-weighted bound.
    """
    return BatchObjective(lambda terms, memory, _: (over_samples(terms), memory))


class StepConfig(NamedTuple):
    """The functions of a step; all pure."""

    mapped: Callable[..., tuple[Any, Any]]
    """From ``mapping.map_objective``, with "device" among its axes."""
    criterion: Callable[[Any, Weights], Array]
    """(terms with leading axes, weights) -> what is maximised, nats per data set."""
    weights: Callable[[Array], Weights]
    """Steps taken [] -> the weights of the terms."""
    draw: Callable[[Array, Any, Array], DataSet]
    """(key, data on the device, row []) -> one data set."""
    optimiser: optax.GradientTransformation
    """Of joined parameters: one that treats every number alike, or all together, but not one
    that treats every layer by itself."""
    samples: int = 1
    """S, Monte Carlo samples of each data set."""
    of_sets: bool = True
    """Whether x is a data set [N, *X]; False: one item [*X], as the autoencoder's."""
    batch_objective: BatchObjective = independent_sets()
    """How the terms of several samples, and of several sets, come together."""
    at_step: Callable[[Array], tuple[Array, ...]] = lambda _: ()
    """Steps taken [] -> what the objective is given after the data of each set: the same
    for all of them, as a temperature."""
    accumulate: int = 1
    """Parts that a device's share of the batch is taken in, one after the other. The
    gradient is that of the whole batch, for a criterion that is linear in the terms; batch
    statistics are those of each part."""
    remat: bool = False
    """Keep only the products of the forward pass for the gradient, and recompute the rest."""


def initial_state(
    variables: Variables, optimiser: optax.GradientTransformation, memory: Any = ()
) -> TrainState:
    """The state before the first step, not packed; ``memory`` is the coupling's."""
    params = variables["params"]
    batch_stats = variables.get("batch_stats", {})
    step = jnp.zeros((), jnp.int32)
    return TrainState(step, params, batch_stats, optimiser.init(params), memory)


def packed(state: TrainState) -> TrainState:
    """The state with small parameters and optimiser states joined, for ``train_step``."""
    opt_state = join_each(state.opt_state, state.params)
    return state._replace(params=join(state.params), opt_state=opt_state)


def unpacked(state: TrainState) -> TrainState:
    """The state of ``packed`` with the model's parameters."""
    return divide_each(state)


def train_step(
    config: StepConfig, state: TrainState, key: Array, data: Any, rows: Array
) -> tuple[TrainState, Metrics]:
    """Maximise the weighted objective for one step; runs inside a map over "device".

    The loss is minus the criterion per *item* of the whole batch, and the
    metrics are the terms of the unweighted bound per item, in nats.

    Args:
      config: see ``StepConfig``.
      state: packed; the same on every device.
      key: the run's key; the step's own is folded from it.
      data: whatever ``config.draw`` reads, on the device.
      rows: [B] int32, this device's share of the batch.

    Returns:
      The next state and the metrics, the same on every device.

    Raises:
      InputError: a state that is not packed.
    """
    if not isinstance(state.params, Joined):
        raise InputError("a step takes packed(state): this state has the parameters' own tree")
    key_data, key_noise = jax.random.split(jax.random.fold_in(key, state.step))
    first = jax.lax.axis_index(DEVICE) * rows.shape[0]
    count = rows.shape[0]

    data_keys = dataset_keys(key_data, first, count, 1)[:, 0]
    sets = jax.vmap(config.draw, in_axes=(0, None, 0))(data_keys, data, rows)
    noise_keys = dataset_keys(key_noise, first, count, config.samples)
    weights, at_step = config.weights(state.step), config.at_step(state.step)
    items = _items_of_a_device(sets, config.of_sets)
    mapped = recomputed(config.mapped) if config.remat else config.mapped

    def loss_of(
        params: Any, running: tuple[Any, Any], keys: Array, sets: DataSet
    ) -> tuple[Array, tuple[Any, tuple[Any, Any]]]:
        batch_stats, memory = running
        variables = {"params": params, "batch_stats": batch_stats}
        given = [jnp.broadcast_to(one, (len(keys), *one.shape)) for one in at_step]
        terms, batch_stats = mapped(variables, keys, *sets.data, *given, mask=sets.mask)
        terms, memory = config.batch_objective.combine(terms, memory, weights)
        terms = jax.tree.map(lambda term: jnp.sum(term, axis=0) / items, terms)
        return -config.criterion(terms, weights), (terms, (batch_stats, memory))

    (loss, (terms, (batch_stats, memory))), gradients = _in_parts(
        jax.value_and_grad(loss_of, has_aux=True), config.accumulate, state, noise_keys, sets
    )
    gradients, loss, terms = device_mean((join(gradients), loss, terms))
    norm = optax.tree.norm(gradients)
    updates, opt_state = config.optimiser.update(gradients, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)

    metrics = {"loss": loss, **terms._asdict(), "gradient_norm": norm}
    return TrainState(state.step + 1, params, batch_stats, opt_state, memory), metrics


def recomputed(mapped: Callable[..., Any]) -> Callable[..., Any]:
    """The function with rematerialisation: only products are kept for its gradient."""
    return jax.checkpoint(mapped, policy=lambda primitive, *_, **__: primitive.name in PRODUCTS)


def _in_parts(
    gradient: Callable[..., Any], parts: int, state: TrainState, keys: Array, sets: DataSet
) -> tuple[tuple[Array, tuple[Any, Any]], Any]:
    """The result of ``gradient`` for all sets, accumulated over parts of the batch.

    Running averages and memory pass from each part to the next. One part is the plain call.
    """
    params, running = state.params.tree(), (state.batch_stats, state.memory)
    if parts == 1:
        return gradient(params, running, keys, sets)
    if len(keys) % parts:
        raise InputError(
            f"training.accumulate {parts}: does not divide the {len(keys)} data sets of a device"
        )
    divided = jax.tree.map(
        lambda leaf: leaf.reshape(parts, len(keys) // parts, *leaf.shape[1:]), (keys, sets)
    )

    def add(carry: tuple[Any, Any], part: tuple[Array, DataSet]) -> tuple[Any, Any]:
        running, total = carry
        (loss, (terms, running)), gradients = gradient(params, running, *part)
        return (running, jax.tree.map(jnp.add, total, gradients)), (loss, terms)

    start = (running, jax.tree.map(jnp.zeros_like, params))
    (running, gradients), each = jax.lax.scan(add, start, divided)
    loss, terms = jax.tree.map(lambda values: jnp.sum(values, axis=0), each)
    return (loss, (terms, running)), gradients


def _items_of_a_device(sets: DataSet, of_sets: bool) -> Array:
    """The number of items of a device, averaged over devices; at least 1."""
    if sets.mask is not None:
        items = device_mean(jnp.sum(sets.mask > 0).astype(jnp.float32))
        return jnp.maximum(items, 1.0)
    x = sets.data[0]
    return jnp.asarray(x.shape[0] * (x.shape[1] if of_sets else 1), jnp.float32)
