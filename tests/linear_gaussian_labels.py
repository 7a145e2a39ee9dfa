"""A linear-Gaussian context-aware model whose label is unknown, with p(D) and p(a | D) exact.

As ``tests.linear_gaussian``, for every label of a support at once: all the
loadings are orthogonal, so that each posterior is a diagonal Gaussian that
depends on no other variable, nor on the label.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np

from cal_jax.distributions import diagonal_gaussian, standard_gaussian
from tests.linear_gaussian import CONTEXT_DIM, LATENT_DIM, LinearGaussian

NUM_CONTEXTS = 2
DIM = (NUM_CONTEXTS + 1) * CONTEXT_DIM + 1


@dataclass(frozen=True)
class LinearGaussianMixture:
    """Loadings b_k B_k of the contexts and b_K B_K of z, the B_k orthonormal [X, C]."""

    support: np.ndarray
    prior: np.ndarray
    bases: np.ndarray
    scales: np.ndarray
    noise: float

    def given(self, a):
        """The model of one label."""
        loadings = self.scales[:, None, None] * self.bases
        return LinearGaussian(np.asarray(a, np.float64), loadings[:-1], loadings[-1], self.noise)

    def log_evidences(self, x):
        """log p(D | a) of every label of the support, from joint covariances: [M]."""
        return np.array([self.given(a).log_evidence(x) for a in self.support])

    def log_evidence(self, x):
        """log p(D) = log sum_a p(a) p(D | a)."""
        return np.logaddexp.reduce(np.log(self.prior) + self.log_evidences(x))

    def log_posterior(self, x):
        """log p(a | D): [M]."""
        return np.log(self.prior) + self.log_evidences(x) - self.log_evidence(x)

    def precisions(self, num_items):
        """Of a constant context [K], of a varying one [K], and of z []."""
        each = (self.scales / self.noise) ** 2
        return 1 + num_items * each[:-1], 1 + each[:-1], 1 + each[-1]

    def generative(self):
        loadings = self.scales[:, None, None] * self.bases

        def likelihood(z, contexts):
            mean = jnp.einsum("kxc,nkc->nx", loadings[:-1], contexts)
            mean += jnp.einsum("xc,nc->nx", loadings[-1], z)
            return diagonal_gaussian(mean, jnp.full(mean.shape, 2 * np.log(self.noise)))

        return SimpleNamespace(
            constant_prior=lambda a: standard_gaussian((NUM_CONTEXTS, CONTEXT_DIM)),
            varying_prior=lambda constants, a: standard_gaussian((NUM_CONTEXTS, CONTEXT_DIM)),
            latent_prior=lambda contexts: standard_gaussian((len(contexts), LATENT_DIM)),
            likelihood=likelihood,
        )

    def inference(self, logits, shift=0.0):
        """The exact posteriors, their means moved by ``shift``, and q(a | D) = softmax(logits)."""

        def informed(counts, basis_sums):
            """N(0, I) times ``counts`` observations whose sum projects to [..., K + 1, C]."""
            ratio = jnp.asarray(self.scales / self.noise**2, jnp.float32)
            precision = 1 + counts * jnp.asarray((self.scales / self.noise) ** 2, jnp.float32)
            factor = jnp.broadcast_to((ratio / precision)[:, None], basis_sums.shape[-2:])
            mean = shift + jnp.broadcast_to(factor, basis_sums.shape) * basis_sums
            log_variance = jnp.broadcast_to(-jnp.log(precision)[:, None], mean.shape[-2:])
            return mean, jnp.broadcast_to(log_variance, mean.shape)

        def constant_contexts(h, a, mask):
            counts = jnp.ones(len(h)) if mask is None else mask
            total = jnp.einsum("n,nkc->kc", counts, h)
            mean, log_variance = informed(jnp.sum(counts), total)
            return diagonal_gaussian(mean[:-1], log_variance[:-1])

        def varying_contexts(h, constants, a):
            mean, log_variance = informed(1.0, h)
            return diagonal_gaussian(mean[:, :-1], log_variance[:, :-1])

        def latent(h, contexts):
            mean, log_variance = informed(1.0, h)
            return diagonal_gaussian(mean[:, -1], log_variance[:, -1])

        return SimpleNamespace(
            encode=lambda x: jnp.einsum("kxc,nx->nkc", jnp.asarray(self.bases, jnp.float32), x),
            constant_contexts=constant_contexts,
            varying_contexts=varying_contexts,
            latent=latent,
            labels=lambda h, mask: logits,
        )

    def gaps(self, num_items, shift):
        """[M]: KL(q || p) of all the moved posteriors, by which each bound falls short."""
        constant, varying, latent = self.precisions(num_items)
        is_constant = self.support == 1
        nats = CONTEXT_DIM * np.where(is_constant, constant, num_items * varying).sum(axis=1)
        return 0.5 * shift**2 * (nats + num_items * LATENT_DIM * latent)


def mixture(support, prior, seed=0):
    """A model for that support in which the labels of four items are seldom certain."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, DIM)))
    bases = np.moveaxis(basis[:, :-1].reshape(DIM, -1, CONTEXT_DIM), 1, 0)
    scales = np.array([0.9, 0.8, 1.1])
    return LinearGaussianMixture(np.array(support), np.array(prior), bases, scales, noise=0.8)
