"""Posteriors moved away from the exact ones come back, and the bound with them."""

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.evaluation.amortisation import no_shifts, refine, shifted_elbo
from tests.linear_gaussian import CONTEXT_DIM, LATENT_DIM
from tests.linear_gaussian_labels import NUM_CONTEXTS, mixture

ITEMS, SHIFT = 3, 0.4
LABEL = (1.0, 0.0)
MODEL = mixture([LABEL], [1.0])


def test_the_gap_of_moved_posteriors_is_their_kl_and_is_closed():
    x = MODEL.given(LABEL).sample(np.random.default_rng(0), ITEMS).astype(np.float32)
    start = no_shifts(ITEMS, (NUM_CONTEXTS, CONTEXT_DIM), LATENT_DIM)
    start = jax.tree.map(lambda zeros: zeros[None], start)

    def bound(shifts, key, samples=4):
        keys = jax.random.split(key, samples)
        one = jax.tree.map(lambda leaf: leaf[0], shifts)
        inference = MODEL.inference(jnp.zeros(1), shift=SHIFT)
        elbos = jax.vmap(
            lambda key: shifted_elbo(key, MODEL.generative(), inference, x, jnp.array(LABEL), one)
        )(keys)
        return jnp.mean(elbos)[None]

    best = jax.jit(lambda: refine(bound, start, jax.random.key(1), steps=300, learning_rate=0.05))()
    judged = jax.jit(lambda shifts: bound(shifts, jax.random.key(2), 4_000))
    evidence = MODEL.given(LABEL).log_evidence(x)
    (gap,) = MODEL.gaps(ITEMS, SHIFT)
    assert gap > 2
    assert abs(float(judged(start)[0]) - (evidence - gap)) < 0.2
    assert abs(float(judged(best)[0]) - evidence) < 0.1
