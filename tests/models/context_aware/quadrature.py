"""KLs of a model's distributions of two dimensions: as the bound has them, and by other means."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from cal_jax.distributions import kl, log_prob, sample
from cal_jax.inference.mapping import ONCE, map_model
from cal_jax.inference.trained import untrained
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.nn.hidden import Hidden
from tests.small_models import binary_sets, small_config

DRAWS = 4_000
AXIS = np.linspace(-15.0, 15.0, 151)
GRID = np.stack(np.meshgrid(AXIS, AXIS, indexing="ij"), axis=-1).reshape(-1, 2)
CELL = (AXIS[1] - AXIS[0]) ** 2
PARTS = ("constant", "varying", "latent")
BOUND, MONTE_CARLO, QUADRATURE = range(3)


def once(function):
    """``function`` compiled quickly, for the few calls of a test."""
    return jax.jit(function, compiler_options=ONCE)


@functools.cache
def moved_model(**changes):
    """A small model of two-dimensional contexts and z with random parameters everywhere: where
    training starts, heads and flows do nothing. Nothing is compiled."""
    sizes = {"context_dim": 2, "hidden": Hidden(6, 1, "none", skip=False)}
    model = ContextAwareLearner(small_config(**{**sizes, **changes}), (8, 8))
    return model, filled(jax.eval_shape(lambda: untrained(model)))


def filled(shapes):
    """Random parameters of these shapes."""
    rng = np.random.default_rng(3)
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.25 * rng.normal(size=leaf.shape), jnp.float32), shapes
    )


def distributions(generative, inference, x, a, parts):
    """(q, p) of the constant contexts, of the varying ones and of z, given fixed contexts."""
    h = inference.encode(x)
    constants = a[:, None] * jnp.array([[0.7, -0.4], [0.2, 0.5]])
    contexts = jnp.broadcast_to(constants + 0.3, (len(x), 2, 2))
    found = {
        "constant": lambda: (inference.constant_contexts(h, a, None), generative.constant_prior(a)),
        "varying": lambda: (
            inference.varying_contexts(h, constants, a),
            generative.varying_prior(constants, a),
        ),
        "latent": lambda: (inference.latent(h, contexts), generative.latent_prior(contexts)),
    }
    return [found[part]() for part in parts]


def by_every_means(generative, inference, x, a, parts, exact):
    """Nats [3, parts] of the bound, of many draws and by quadrature; probabilities [parts, 2].

    ``exact`` is filled with whether the bound has the closed form of each part.
    """
    nats, probabilities = [], []
    for part, (q, p) in enumerate(distributions(generative, inference, x, a, parts)):
        of_bound, of_draws = (
            sample(q, jax.random.key(2 * part + offset), (DRAWS,)) for offset in (0, 1)
        )
        grid = jnp.asarray(GRID, jnp.float32).reshape(-1, *(1,) * len(q.batch_shape), 2)
        grid = jnp.broadcast_to(grid, (len(GRID), *q.batch_shape, 2))
        log_q, log_p = log_prob(q, grid), log_prob(p, grid)
        each = jax.vmap(lambda draw, q=q, p=p: jnp.sum(kl(q, p, draw).nats))(of_bound)
        exact[part] = kl(q, p, of_bound[0]).exact
        difference = log_prob(q, of_draws) - log_prob(p, of_draws)
        nats.append(
            [
                jnp.mean(each),
                jnp.sum(jnp.mean(difference, axis=0)),
                CELL * jnp.sum(jnp.exp(log_q) * (log_q - log_p)),
            ]
        )
        total_q, total_p = (CELL * jnp.exp(log).sum(axis=0) for log in (log_q, log_p))
        probabilities.append([jnp.mean(total_q), jnp.mean(total_p)])
    return jnp.stack([jnp.stack(row) for row in nats], axis=1), jnp.array(probabilities)


def kls(parts, **changes):
    """Of ``by_every_means``: nats [3, parts], gradients [3, parts, P], probabilities, exact."""
    model, variables = moved_model(**changes)
    x, a = binary_sets(1, 2)[0], np.array([[1.0, 0.0]], np.float32)
    flat, unravel = ravel_pytree(variables["params"])
    exact = {}
    mapped = map_model(functools.partial(by_every_means, parts=parts, exact=exact), model)

    def nats(flat):
        found, probabilities = mapped({**variables, "params": unravel(flat)}, x, a)
        return found[0], (found[0], probabilities[0])

    gradients, (values, probabilities) = once(jax.jacrev(nats, has_aux=True))(flat)
    return np.asarray(values), np.asarray(gradients), np.asarray(probabilities), exact


def require_agreement(parts=PARTS, **changes):
    """The bound's KLs and those of many draws are the integral, in value and in gradient."""
    values, gradients, probabilities, exact = kls(parts, **changes)
    np.testing.assert_allclose(probabilities, 1.0, atol=5e-3)
    for part, name in enumerate(parts):
        integral, slope = values[QUADRATURE, part], gradients[QUADRATURE, part]
        assert integral > 0.1 and np.linalg.norm(slope) > 0.1
        for means in (BOUND, MONTE_CARLO):
            closed = means == BOUND and exact[part]
            tolerance = 2e-3 if closed else 0.05
            np.testing.assert_allclose(
                values[means, part], integral, rtol=tolerance, atol=tolerance
            )
            error = np.linalg.norm(gradients[means, part] - slope) / np.linalg.norm(slope)
            assert error < (0.01 if closed else 0.15), (name, means, error)
    return values, gradients
