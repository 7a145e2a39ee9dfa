"""One padded data set, its label unknown, with everything that is known of it exactly."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.objectives.label import LabelEstimator, hard_label_elbo, label_elbo
from tests.linear_gaussian_labels import mixture

ESTIMATORS = get_args(LabelEstimator)
VISIT_ALL = ("exact", "marginal")
NUM_ITEMS, PADDED, SHIFT = 4, 6, 0.2
MODEL = mixture([(1, 0), (0, 1), (1, 1), (0, 0)], [0.4, 0.3, 0.2, 0.1])
SUPPORT = jnp.asarray(MODEL.support, jnp.float32)
LOG_PRIOR = jnp.log(jnp.asarray(MODEL.prior, jnp.float32)) + 3.0  # normalised by the objective
COUNTED = MODEL.given((1, 0)).sample(np.random.default_rng(7), NUM_ITEMS).astype(np.float32)
X = np.concatenate([COUNTED, np.full((PADDED - NUM_ITEMS, COUNTED.shape[1]), np.nan, np.float32)])
MASK = (np.arange(PADDED) < NUM_ITEMS).astype(np.float32)
EVIDENCE = MODEL.log_evidence(COUNTED)
POSTERIOR = jnp.asarray(MODEL.log_posterior(COUNTED), jnp.float32)
WRONG = POSTERIOR + jnp.array([0.0, 1.0, -1.0, 1.0])


def bound(key, estimator, *, logits=POSTERIOR, shift=0.0, kl="monte_carlo", temperature=0.5):
    return label_elbo(
        key,
        MODEL.generative(),
        MODEL.inference(logits, shift),
        X,
        SUPPORT,
        LOG_PRIOR,
        estimator=estimator,
        temperature=None if estimator in VISIT_ALL else temperature,
        mask=MASK,
        kl=kl,
    )


def hard(key, choice, *, logits=POSTERIOR, kl="monte_carlo"):
    inference = MODEL.inference(logits)
    arguments = (key, MODEL.generative(), inference, X, SUPPORT, LOG_PRIOR)
    return hard_label_elbo(*arguments, choice=choice, mask=MASK, kl=kl)


def samples_of(objective, count, seed=0):
    values = jax.jit(jax.vmap(objective))(jax.random.split(jax.random.key(seed), count))
    return jax.tree.map(lambda value: np.asarray(value, np.float64), values)


def standard_error(values):
    return values.std(axis=0) / np.sqrt(len(values))


def label_kl(logits):
    """KL(softmax(logits) || p(a | D)) in nats."""
    log_q = np.asarray(jax.nn.log_softmax(logits), np.float64)
    return float(np.sum(np.exp(log_q) * (log_q - np.asarray(POSTERIOR, np.float64))))
