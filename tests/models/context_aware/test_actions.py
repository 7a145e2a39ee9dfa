"""Contexts with a known action: models that commute with it, and actions by themselves."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import init_variables, map_model
from cal_jax.models.context_aware.actions import Inversion, NoAction
from cal_jax.models.context_aware.config import Context
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import Evidence
from cal_jax.nn.rotation import ANGLES
from cal_jax.objectives.label import label_elbo
from tests.models.context_aware.quadrature import once
from tests.small_models import (
    BOTH_ACTIONS,
    INVERTING,
    ROTATING,
    binary_sets,
    small_config,
    small_model,
)

INVERSION_FIRST = {
    **BOTH_ACTIONS,
    "contexts": tuple(BOTH_ACTIONS["contexts"][k] for k in (2, 0, 1)),
}
BOTH_ORDERS = [BOTH_ACTIONS, INVERSION_FIRST]


def turned(x):
    """Images [..., H, W], a quarter clockwise."""
    return jnp.rot90(x, -1, axes=(-2, -1))


def contexts_of(config, angle, sign, count):
    """Contexts [count, K, C] that stand for an angle of ``ANGLES`` and for a sign, surely."""
    rows = np.full((config.num_contexts, config.context_dim), 0.3)
    for k, context in enumerate(config.contexts):
        if context.name == "rotation":
            phases = 2 * np.pi / ANGLES * angle * np.array([1, 2])
            rows[k, :4] = 400 * np.concatenate([np.cos(phases), np.sin(phases)])
        if context.name == "background":
            rows[k, 0] = sign
    return jnp.asarray(np.broadcast_to(rows, (count, *rows.shape)), jnp.float32)


@pytest.mark.parametrize(
    ("changes", "act"), [(ROTATING, jnp.rot90), (INVERTING, lambda image: 1 - image)]
)
def test_labels_are_read_from_what_is_shown_and_from_what_is_done_to_it(changes, act):
    model = ContextAwareLearner(small_config(**changes, labels=PooledLabels(2)), (8, 8))
    x = jnp.asarray(binary_sets(1, 4)[0][0])
    labels = jnp.eye(2), jnp.zeros(2)
    exact = functools.partial(label_elbo, estimator="exact")
    variables = init_variables(exact, model, jax.random.key(0), x, *labels)

    def logits(_, inference, x):
        return inference.labels(inference.encode(x), None)

    of = once(map_model(logits, model))
    alike, apart = (of(variables, images[None])[0] for images in (x, x.at[1].set(act(x[1]))))
    assert np.abs(apart - alike).max() > 1e-5


@pytest.mark.parametrize("changes", [ROTATING, INVERTING, *BOTH_ORDERS])
def test_an_item_acted_on_is_as_probable_under_contexts_acted_on(changes):
    """p(T x | z, T c) = p(x | z, c), and q and p of z are the same of both."""
    model, variables = small_model(**changes)
    names = model.config.names
    x = jnp.asarray(binary_sets(1, 3)[0][0])
    z = jnp.asarray(np.random.default_rng(1).normal(size=(3, 2)), jnp.float32)

    def probe(generative, inference, contexts, x):
        return (
            generative.likelihood(z, contexts).log_prob(x),
            inference.latent(inference.encode(x), contexts).mean(),
            generative.latent_prior(contexts).mean(),
        )

    of = once(map_model(probe, model))
    there = contexts_of(model.config, 5, 0.8, 3)
    angle, sign, acted = 5, 0.8, x
    if "rotation" in names:
        angle, acted = angle + ANGLES // 4, turned(acted)
    if "background" in names:
        sign, acted = -sign, 1 - acted
    after = contexts_of(model.config, angle, sign, 3)
    want = of(variables, there[None], x[None])
    got = of(variables, after[None], acted[None])
    for one, other in zip(want, got, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=2e-5)
    not_acted_on = of(variables, there[None], acted[None])[0]
    assert np.abs(not_acted_on - want[0]).max() > 1e-2


@pytest.mark.parametrize("changes", BOTH_ORDERS)
def test_actions_that_commute_may_come_in_either_order(changes):
    """The reading of a rotated negative is the reading of the image, rotated and negated."""
    model, variables = small_model(**changes)
    rotation, background = (model.config.names.index(name) for name in ("rotation", "background"))
    digit = model.config.names.index("digit")
    x = jnp.asarray(binary_sets(1, 4)[0][0])

    def means(_, inference, x):
        return inference.varying_contexts(
            inference.encode(x), jnp.zeros((3, 5)), jnp.zeros(3)
        ).mean()

    of = once(map_model(means, model))
    plain, acted = (of(variables, images[None])[0] for images in (x, 1 - turned(x)))
    np.testing.assert_allclose(acted[:, digit], plain[:, digit], atol=1e-5)
    np.testing.assert_allclose(acted[:, background], -plain[:, background], atol=1e-6)
    cos_1, cos_2, sin_1, sin_2, rest = np.moveaxis(np.asarray(plain[:, rotation]), -1, 0)
    later = np.stack([-sin_1, -cos_2, cos_1, -sin_2, rest], axis=-1)
    np.testing.assert_allclose(acted[:, rotation], later, atol=1e-5)


def test_an_inversion_takes_items_of_any_shape():
    """Items of three colours: the negative under the other sign is as probable."""
    event_shape = (4, 5, 3)
    model, variables = small_model(event_shape, **INVERTING)
    x = jnp.asarray(np.random.default_rng(0).integers(2, size=(3, *event_shape)), jnp.float32)

    def score(generative, _, contexts, x):
        return generative.likelihood(jnp.ones((3, 2)), contexts).log_prob(x)

    of = once(map_model(score, model))
    want = of(variables, contexts_of(model.config, 0, 0.8, 3)[None], x[None])
    got = of(variables, contexts_of(model.config, 0, -0.8, 3)[None], 1 - x[None])
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert np.ptp(want) > 0


def test_a_decoder_and_z_see_the_whole_of_a_context_without_an_action():
    action, context = NoAction(), jnp.arange(6.0).reshape(2, 3)
    x, evidence = jnp.ones((2, 4, 4)), Evidence(jnp.ones((2, 7)))
    assert action.canonical(x) == (x, None) and not action.transforms
    assert action.evidence({}, evidence, 0, None, None) is evidence
    assert action.told(evidence, 0).shape == (2, 0)
    assert action.summary({}, context) is context and action.decoded(context) is context
    assert action.apply({}, x, context, (4, 4)) is x
    assert action.parameter_shape((4, 4)) == (4, 4)


def test_a_decoder_sees_nothing_of_a_context_with_an_action():
    for name, changes in (("rotation", ROTATING), ("background", INVERTING)):
        context = next(c for c in changes["contexts"] if c.name == name)
        assert context.action.transforms
        assert context.action.decoded(jnp.ones((2, 5))).shape == (2, 0)
    assert Context("background", Inversion()).action.summary({}, jnp.ones((2, 5))).shape == (2, 0)
