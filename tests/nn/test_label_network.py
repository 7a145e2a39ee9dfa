"""The label network, alone and in the model; every label of a support inside a Flax model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import init_variables, map_objective
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.priors import Standard
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.label import LabelNetwork
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.label import label_elbo
from tests.small_models import binary_sets, small_config

SUPPORT = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
LOG_PRIOR = np.log(np.array([0.5, 0.3, 0.2], np.float32))
LABELS = PooledLabels(3, pre_width=5, post_width=4)
STANDARD = {
    "constant_prior": Standard(),
    "varying_prior": Standard(),
    "latent": Latent(2, Standard()),
}


def shapes_of(config, objective, *labels):
    """The shapes of a model's variables, initialised for an objective; nothing is compiled."""
    x = jnp.zeros((2, 8, 8))
    model = ContextAwareLearner(config, (8, 8))
    return jax.eval_shape(lambda: init_variables(objective, model, jax.random.key(0), x, *labels))


def labelled(config, num_labels):
    labels = SUPPORT[:num_labels], LOG_PRIOR[:num_labels]
    return shapes_of(config, functools.partial(label_elbo, estimator="exact"), *labels)


def filled(shapes):
    """Some variables of those shapes, running variances positive."""
    rng = np.random.default_rng(0)
    return {
        "params": jax.tree.map(
            lambda leaf: rng.normal(0.0, 0.2, leaf.shape).astype(np.float32), shapes["params"]
        ),
        "batch_stats": jax.tree.map(
            lambda leaf: rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32),
            shapes["batch_stats"],
        ),
    }


def batch_of(num_sets):
    """Keys [B, 1], sets and the labels of their support, as a mapped objective takes them."""
    x, _ = binary_sets(num_sets, 3)
    keys = jax.random.split(jax.random.key(1), (num_sets, 1))
    labels = (jnp.stack(num_sets * [jnp.asarray(each)]) for each in (SUPPORT, LOG_PRIOR))
    return keys, jnp.asarray(x), *labels


def test_the_logits_depend_neither_on_the_order_of_the_items_nor_on_padding():
    h = jax.random.normal(jax.random.key(2), (6, 4))
    mask = jnp.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    network = LabelNetwork(3, Hidden(8, norm="layer"), Hidden(5, norm="layer"))
    state = jax.jit(lambda key: network.init(key, h, EVALUATION))(jax.random.key(0))
    apply = jax.jit(lambda h, mask: network.apply(state, h, ApplyContext(mask)))
    want = apply(h, mask)
    assert want.shape == (3,)
    order = jnp.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_allclose(apply(h[order], mask[order]), want, atol=1e-6)
    np.testing.assert_allclose(apply(h.at[1].set(jnp.nan), mask), want, atol=1e-6)
    assert not np.allclose(apply(h.at[0].add(3.0), mask), want, atol=1e-5)
    np.testing.assert_allclose(jax.nn.softmax(want), 1 / 3, atol=0.1)  # before training


def test_it_has_the_thesis_s_sizes_and_adds_no_other_parameter():
    known = shapes_of(ContextAwareConfig(), context_aware_elbo, jnp.zeros(2))["params"]
    assert "label_network" not in known
    params = dict(labelled(ContextAwareConfig(labels=PooledLabels()), 2)["params"])
    network = params.pop("label_network")
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, dict(known))
    for name in ("Dense_0", "Dense_1"):
        assert network["pre_pool"][name]["kernel"].shape == (512, 512)
        assert network["post_pool"][name]["kernel"].shape == (128, 128)
    assert network["logits"]["kernel"].shape == (128, 2)


@pytest.mark.parametrize("estimator", ["gumbel", "exact", "marginal"])
def test_estimators_of_one_and_of_every_label_train_a_flax_model(estimator):
    """Traced alone: a Flax module under a plain ``vmap`` would refuse."""
    config = small_config(labels=LABELS)
    shapes = labelled(config, 3)
    mapped = map_objective(
        label_elbo,
        ContextAwareLearner(config, (8, 8)),
        estimator=estimator,
        temperature=0.5 if estimator == "gumbel" else None,
        kl="monte_carlo",
    )
    keys, x, *labels = batch_of(2)

    def loss(params, batch_stats):
        terms, updated = mapped({"params": params, "batch_stats": batch_stats}, keys, x, *labels)
        return terms.elbo.sum(), updated

    got = jax.eval_shape(jax.grad(loss, has_aux=True), shapes["params"], shapes["batch_stats"])
    if estimator == "marginal":  # has no use for the label network
        del shapes["batch_stats"]["label_network"]
        del got[1]["label_network"]
    assert jax.tree.map(jnp.shape, got) == jax.tree.map(
        jnp.shape, (shapes["params"], shapes["batch_stats"])
    )


def test_exact_visits_the_labels_of_a_flax_model_as_one_pass_each_would():
    """In evaluation each label's bound is that of the label alone; in training the labels
    share one set of batch statistics, so that equal labels leave the averages of one."""
    config = small_config(labels=LABELS, **STANDARD)
    variables = filled(labelled(config, 3))
    model = ContextAwareLearner(config, (8, 8))
    exact = functools.partial(label_elbo, estimator="exact")
    keys, x, support, log_prior = batch_of(2)
    same = jnp.broadcast_to(jnp.asarray(SUPPORT[:1]), support.shape)

    @jax.jit
    def both(variables):
        visited = map_objective(exact, model, training=False)
        known = map_objective(context_aware_elbo, model, training=False)
        terms, _ = visited(variables, keys, x, support, log_prior)
        alone = known(variables, keys, x, support[:, 1])[0]
        _, of_visit = map_objective(exact, model)(variables, keys, x, same, log_prior)
        _, of_one = map_objective(context_aware_elbo, model)(variables, keys, x, same[:, 0])
        return terms, alone, of_visit, of_one

    terms, alone, of_visit, of_one = both(variables)
    np.testing.assert_allclose(terms.elbo_per_label[..., 1], alone.elbo, rtol=1e-5)
    assert np.ptp(terms.elbo_per_label, axis=-1).min() > 0.01
    del of_visit["label_network"], of_one["label_network"]  # a known label asks nothing of it
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6),
        of_visit,
        of_one,
    )
    assert not np.allclose(
        of_visit["decoder"]["ResidualMLP_0"]["BatchNorm_0"]["mean"],
        variables["batch_stats"]["decoder"]["ResidualMLP_0"]["BatchNorm_0"]["mean"],
    )
