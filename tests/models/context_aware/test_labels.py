"""Label networks in the model: logits of each mask, of sets whatever their order and padding."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.mapping import init_variables, map_model, map_objective
from cal_jax.models.context_aware.labels import PooledLabels, RelationalLabels, ScatterLabels
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.contrasted import item_posterior_means
from cal_jax.objectives.label import label_elbo
from tests.models.context_aware.quadrature import filled, once
from tests.small_models import binary_sets, small_config

SUPPORT = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
LOG_PRIOR = np.log(np.array([0.5, 0.3, 0.2], np.float32))
LABELS = {
    "pooled": PooledLabels(3, pre_width=8, post_width=5),
    "relational": RelationalLabels(3, width=8),
    "scatter": ScatterLabels(3, width=8),
}
EXACT = functools.partial(label_elbo, estimator="exact")


@functools.cache
def labelled(name):
    """(model, variables): random parameters, so that sets differ. Nothing is compiled."""
    config = small_config(
        labels=LABELS[name],
        posterior=SharedExperts(6),
        hidden=Hidden(6, 1, "none", skip=False),
    )
    model = ContextAwareLearner(config, (8, 8))
    return model, filled(shapes_of(model))


def shapes_of(model):
    return jax.eval_shape(
        lambda: init_variables(
            EXACT,
            model,
            jax.random.key(0),
            jnp.zeros((2, 8, 8)),
            jnp.asarray(SUPPORT),
            jnp.asarray(LOG_PRIOR),
        )
    )


@pytest.mark.parametrize("name", LABELS)
def test_the_logits_depend_neither_on_the_order_of_the_items_nor_on_padding(name):
    model, variables = labelled(name)
    x, _ = binary_sets(1, 6)
    mask = np.array([[1, 0, 1, 1, 0, 1]], np.float32)
    order = np.array([3, 0, 5, 1, 4, 2])

    def logits(_, inference, x, mask):
        return inference.labels(inference.encode(x), mask)

    of = once(map_model(logits, model))
    want = of(variables, x, mask)
    assert want.shape == (1, 3)
    np.testing.assert_allclose(of(variables, x[:, order], mask[:, order]), want, atol=1e-5)
    junk = np.where(mask[..., None, None] > 0, x, 1 - x)
    np.testing.assert_allclose(of(variables, junk, mask), want, atol=1e-5)
    other = np.where(np.arange(6)[:, None, None] == 0, 1 - x, x)
    assert np.abs(of(variables, other, mask) - want).max() > 1e-4


@pytest.mark.parametrize("name", LABELS)
def test_a_label_network_trains_with_the_bound(name):
    model, variables = labelled(name)
    x, _ = binary_sets(2, 3)
    keys = jax.random.split(jax.random.key(1), (2, 1))
    labels = (jnp.stack(2 * [jnp.asarray(each)]) for each in (SUPPORT, LOG_PRIOR))
    support, log_prior = labels
    mapped = map_objective(EXACT, model)

    def loss(params):
        given = {**variables, "params": params}
        return -mapped(given, keys, x, support, log_prior)[0].elbo.mean()

    value, slope = once(jax.value_and_grad(loss))(variables["params"])
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))
    network = jax.tree.leaves(slope["label_network"])
    assert sum(np.any(leaf != 0) for leaf in network) > len(network) // 2


def test_a_model_without_a_label_network_says_so():
    model = ContextAwareLearner(small_config(), (8, 8))
    with pytest.raises(InputError, match=r"config\.labels is None: the model has no label network"):
        shapes_of(model)


def test_scatter_labels_read_the_scatter_of_each_contexts_posterior_means():
    model, variables = labelled("scatter")
    x, _ = binary_sets(1, 4)
    mask = np.array([[1, 1, 0, 1]], np.float32)
    network = variables["params"]["label_network"]

    def found(_, inference, x, mask):
        h = inference.encode(x)
        return inference.labels(h, mask), item_posterior_means(inference, h, jnp.zeros(2))

    logits, means = once(map_model(found, model))(variables, x, mask)
    counted = np.asarray(means)[0][mask[0] > 0]
    scatter = ((counted - counted.mean(axis=0)) ** 2).mean(axis=0).sum(axis=-1)
    first = network["of_scatter"]["embedding"]["input_0"]
    hidden = np.maximum(np.log(scatter + 1e-6) @ first["kernel"] + first["bias"], 0.0)
    want = hidden @ network["logits"]["kernel"] + network["logits"]["bias"]
    np.testing.assert_allclose(logits[0], want, rtol=1e-4, atol=1e-5)


def test_scatter_labels_move_no_posterior():
    model, variables = labelled("scatter")
    x, _ = binary_sets(1, 4)

    def first_logit(_, inference, x):
        return inference.labels(inference.encode(x), None)[0]

    def total(params):
        return map_model(first_logit, model)({**variables, "params": params}, x).sum()

    slope = once(jax.grad(total))(variables["params"])
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(slope["label_network"]))
    others = {name: part for name, part in slope.items() if name != "label_network"}
    assert "encoder" in others
    assert not any(np.any(leaf != 0) for leaf in jax.tree.leaves(others))


def test_scatter_labels_need_the_experts_of_single_items():
    with pytest.raises(InputError, match=r"ScatterLabels needs the posterior SharedExperts: got S"):
        small_config(labels=ScatterLabels(3))
