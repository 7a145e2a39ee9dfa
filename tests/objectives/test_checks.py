"""Models and data that do not fit together are named; none is broadcast."""

from types import SimpleNamespace

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import bernoulli, diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.inference.mapping import init_variables
from cal_jax.inference.statistician import generate_items
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.checks import check_support
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.context_aware_weights import context_aware_log_weights
from cal_jax.objectives.importance import neural_statistician_log_weights
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo, vae_items_elbo

KEY = jax.random.key(0)
BINARY = jnp.asarray(np.random.default_rng(0).random((5, 6)) < 0.5, jnp.float32)
LABEL = jnp.array([1.0, 0.0])


def gaussian(*shape):
    return diagonal_gaussian(jnp.zeros(shape), jnp.zeros(shape))


def vae(**changes):
    """Of items [6], with z [2]."""
    parts = {
        "posterior": lambda x: gaussian(*x.shape[:-1], 2),
        "prior": lambda: gaussian(2),
        "likelihood": lambda z: bernoulli(jnp.zeros((*z.shape[:-1], 6)), 1),
    }
    return SimpleNamespace(**parts | changes)


def statistician(**changes):
    """Of sets of items [6]."""
    parts = {
        "encode": lambda x: x,
        "context": lambda h, mask: gaussian(3),
        "latent": lambda layer, h, z_above, c: gaussian(len(h), 2),
        "context_prior": lambda: gaussian(3),
        "latent_prior": lambda layer, z_above, c: gaussian(2),
        "likelihood": lambda zs, c: bernoulli(jnp.zeros((len(zs[-1]), 6)), 1),
    }
    return SimpleNamespace(**parts | changes)


def learner(**changes):
    """Of sets of items [6], K = 2."""
    parts = {
        "encode": lambda x: x,
        "constant_contexts": lambda h, a, mask: gaussian(2, 3),
        "varying_contexts": lambda h, constants, a: gaussian(len(h), 2, 3),
        "latent": lambda h, contexts: gaussian(len(h), 4),
        "constant_prior": lambda a: gaussian(2, 3),
        "varying_prior": lambda constants, a: gaussian(2, 3),
        "latent_prior": lambda contexts: gaussian(len(contexts), 4),
        "likelihood": lambda z, contexts: bernoulli(jnp.zeros((len(z), 6)), 1),
    }
    return SimpleNamespace(**parts | changes)


def of_vae(x=BINARY[0], **changes):
    return vae_elbo(KEY, vae(**changes), vae(**changes), x)


def of_items(x=BINARY, **changes):
    return vae_items_elbo(KEY, vae(**changes), vae(**changes), x)


def of_statistician(x=BINARY, *, objective=neural_statistician_elbo, mask=None, **changes):
    model = statistician(**changes)
    return objective(KEY, model, model, x, mask=mask)


def of_learner(x=BINARY, *, objective=context_aware_elbo, a=LABEL, mask=None, **changes):
    model = learner(**changes)
    return objective(KEY, model, model, x, a, mask=mask)


OBJECTIVES = (
    of_vae,
    of_items,
    of_statistician,
    lambda x, **changes: of_statistician(x, objective=neural_statistician_log_weights, **changes),
    of_learner,
    lambda x, **changes: of_learner(x, objective=context_aware_log_weights, **changes),
)
every_objective = pytest.mark.parametrize("index", range(len(OBJECTIVES)))


def data_of(index):
    return BINARY[0] if index == 0 else BINARY


@every_objective
def test_a_model_that_fits_has_a_bound(index):
    assert all(
        jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(OBJECTIVES[index](data_of(index)))
    )


@every_objective
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: 255 * x, "x: values from 0 to 255; accepted: 0 and 1"),
        (lambda x: 2 * x - 1, "x: values from -1 to 1; accepted: 0 and 1"),
        (lambda x: jnp.where(x > 0, jnp.nan, x), "x: NaN or infinity; accepted: finite"),
    ],
)
def test_concrete_pixels_outside_the_support_are_refused(index, change, message):
    with pytest.raises(InputError, match=message):
        OBJECTIVES[index](change(data_of(index)))


@every_objective
def test_a_likelihood_of_one_number_is_not_broadcast_over_the_items_features(index):
    """[5, 1] for x [5, 6]."""
    x = data_of(index)
    with pytest.raises(InputError, match=r"x: .*items of shape \(6,\); accepted: .*\(1,\)"):
        OBJECTIVES[index](x, likelihood=lambda *_: bernoulli(jnp.zeros((*x.shape[:-1], 1)), 1))


@every_objective
def test_a_likelihood_without_the_item_axis_is_not_broadcast(index):
    if index == 0:
        return
    with pytest.raises(InputError, match=r"likelihood: batch \(\); accepted: \(5,\)"):
        OBJECTIVES[index](data_of(index), likelihood=lambda *_: bernoulli(jnp.zeros(6), 1))


def test_a_likelihood_that_says_no_shape_is_held_to_its_values():
    nats = SimpleNamespace(log_prob=lambda x: jnp.zeros(()))
    with pytest.raises(InputError, match=r"log_prob of the likelihood: shape \(\); accepted"):
        of_learner(likelihood=lambda *_: nats)


@pytest.mark.parametrize(
    ("objective", "changes", "message"),
    [
        (of_learner, {"latent": lambda h, c: gaussian(4), "latent_prior": lambda c: gaussian(4)},
         r"KL of z: shape \(\); accepted: \(5,\)"),
        (of_learner, {"varying_contexts": lambda h, c, a: gaussian(2, 3)},
         r"KL of the varying contexts: shape \(2,\); accepted: \(5, 2\)"),
        (of_learner, {"constant_contexts": lambda h, a, m: gaussian(3, 3)},
         r"a: 2 entries; accepted: 3, as the model has contexts"),
        (of_learner, {"constant_contexts": lambda h, a, m: gaussian(3)},
         r"constant contexts: shape \(3,\); accepted: \[K, C\]"),
        (of_learner, {"constant_prior": lambda a: gaussian(5, 2, 3)},
         r"KL of the constant contexts: shape \(5, 2\); accepted: \(2,\)"),
        (of_learner, {"a": jnp.eye(2)}, r"a: shape \(2, 2\); accepted: \[K\]"),
        (of_learner, {"a": jnp.array([1, 0])}, "a: dtype int32; accepted: a float mask"),
        (of_learner, {"mask": jnp.ones(4)}, r"mask: shape \(4,\); accepted: \(5,\)"),
        (of_learner, {"x": BINARY[:0]}, r"x: shape \(0, 6\); accepted: \[N, \*X\]"),
        (of_statistician, {"latent": lambda layer, h, z, c: gaussian(2)},
         r"KL of z, layer 0: shape \(\); accepted: \(5,\)"),
        (of_statistician, {"context": lambda h, mask: gaussian(5, 3)},
         r"KL of the context: shape \(5,\); accepted: \(\)"),
        (of_vae, {"prior": lambda: gaussian(4, 2)}, r"KL of z: shape \(4,\); accepted: \(\)"),
    ],
)  # fmt: skip
def test_an_axis_too_few_or_too_many_is_named(objective, changes, message):
    with pytest.raises(InputError, match=message):
        objective(**changes)


@every_objective
def test_shapes_are_checked_while_tracing_and_values_are_not(index):
    """255 passes under jit, where data was checked before; a wrong shape does not."""
    x = data_of(index)
    jax.jit(OBJECTIVES[index])(255 * x)
    with pytest.raises(InputError, match="items of shape"):
        jax.jit(OBJECTIVES[index])(jnp.zeros((*x.shape[:-1], 7)))


def test_padding_is_not_looked_at():
    x, mask = BINARY.at[4].set(jnp.nan), jnp.array([1.0, 1, 1, 1, 0])
    assert jnp.isfinite(of_learner(x, mask=mask).elbo)
    check_support(bernoulli(jnp.zeros((5, 6)), 1), x, mask)


def two_layers():
    config = NeuralStatisticianConfig(latent_dim=2, layers=2, hidden=Hidden(4, 1))
    model = NeuralStatistician(config, (6,))
    variables = init_variables(neural_statistician_elbo, model, KEY, BINARY)
    return model.bind(variables)


def test_an_objective_takes_the_layers_of_its_model_and_refuses_others():
    bound = two_layers()
    terms = neural_statistician_elbo(KEY, bound.generative(), bound.inference(), BINARY)
    assert terms.kl_latents.shape == (2,)
    for function in (neural_statistician_elbo, neural_statistician_log_weights):
        with pytest.raises(InputError, match="layers: 1; accepted: 2, as the model has"):
            function(KEY, bound.generative(), bound.inference(), BINARY, layers=1)
    generate_items(KEY, bound.generative(), jnp.zeros(3), 4)
    with pytest.raises(InputError, match="layers: 3; accepted: 2"):
        generate_items(KEY, bound.generative(), jnp.zeros(3), 4, layers=3)


def test_one_feature_is_not_broadcast_over_thirteen():
    model = NeuralStatistician(NeuralStatisticianConfig(hidden=Hidden(4, 1)), (1,))
    with pytest.raises(InputError, match=r"x: shape \[8, 13\] of one data set; accepted: \[N, 1\]"):
        init_variables(neural_statistician_elbo, model, KEY, jnp.zeros((8, 13)))


def fail(what):
    raise InputError(f"{what} is refused")


@pytest.mark.parametrize(
    ("likelihood", "value", "message"),
    [
        (distrax.Independent(distrax.Bernoulli(jnp.zeros(3)), 1), 0.5, "0.5; accepted: 0 and 1"),
        (distrax.Categorical(jnp.zeros((3, 4))), 4.0, "from 4 to 4; .*whole numbers from 0 to 3"),
        (distrax.Categorical(jnp.zeros((3, 4))), 1.5, "whole numbers from 0 to 3"),
        (SimpleNamespace(check_support=lambda x, what: fail(what)), 0.0, "x is refused"),
        (standard_gaussian((3,)), jnp.inf, "NaN or infinity"),
        (None, jnp.nan, "NaN or infinity"),
    ],
)  # fmt: skip
def test_the_support_is_the_likelihood_s(likelihood, value, message):
    x = jnp.full(3, value)
    with pytest.raises(InputError, match=message):
        check_support(likelihood, x)
