"""A linear-Gaussian VAE and a linear-Gaussian neural statistician: evidence and posterior exact.

    c ~ N(0, I)
    z_1 | c ~ N(A_1 c, I),  z_2 | z_1, c ~ N(B z_1 + A_2 c, I)
    x | z, c ~ N(sum_l V_l z_l + W c, s^2 I)

The VAE is the case of one layer without c. Posteriors are conditioned in
float64 from the joint of (c, z_1, ..., z_L, x). Both sides take parameters that
move them: at ``zeros()`` the model is the one above and the inference exact.
"""

import itertools
from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from tests.affine_gaussian import AffineGaussian, affine_gaussian, affine_posterior

CONTEXT_DIM = LATENT_DIM = 2


@dataclass(frozen=True)
class LinearStatistician:
    """A [L, Z, C], B [Z, Z], V [L, X, Z], W [X, C] and the noise's standard deviation s."""

    latent_context: np.ndarray
    latent_latent: np.ndarray
    item_latent: np.ndarray
    item_context: np.ndarray
    noise: float

    @property
    def layers(self) -> int:
        return len(self.latent_context)

    def zeros(self) -> dict:
        """Parameters of ``inference``: the exact posterior's shifts and log scales."""
        context, latents = np.zeros(CONTEXT_DIM), np.zeros((self.layers, LATENT_DIM))
        return jax.tree.map(
            lambda zeros: jnp.asarray(zeros, jnp.float32),
            {
                "context": {"shift": context, "log_scale": context},
                "latents": {"shift": latents, "log_scale": latents},
            },
        )

    def generative_zeros(self) -> dict:
        """Parameters of ``generative``: shifts of every mean."""
        return {
            "context": jnp.zeros(CONTEXT_DIM),
            "latents": jnp.zeros((self.layers, LATENT_DIM)),
            "items": jnp.zeros(len(self.item_context)),
        }

    def given_noise(self) -> tuple[np.ndarray, list[slice]]:
        """[D, D]: the rows (c, z_1, ..., z_L, x) as linear in standard noise; each part's rows."""
        sizes = [CONTEXT_DIM, *[LATENT_DIM] * self.layers, len(self.item_context)]
        edges = np.cumsum([0, *sizes])
        parts = [slice(low, high) for low, high in itertools.pairwise(edges)]
        rows, own = np.zeros((edges[-1],) * 2), np.eye(edges[-1])
        rows[parts[0]] = own[parts[0]]
        for layer, part in enumerate(parts[1:-1]):
            rows[part] = self.latent_context[layer] @ rows[parts[0]] + own[part]
            if layer > 0:
                rows[part] += self.latent_latent @ rows[parts[layer]]
        rows[parts[-1]] = self.item_context @ rows[parts[0]] + self.noise * own[parts[-1]]
        for loading, part in zip(self.item_latent, parts[1:-1], strict=True):
            rows[parts[-1]] += loading @ rows[part]
        return rows, parts

    def item_given_context(self) -> tuple[np.ndarray, np.ndarray]:
        """E[x | c] = loading c, and the covariance of x given c."""
        rows, parts = self.given_noise()
        x = rows[parts[-1]]
        return x[:, :CONTEXT_DIM], x[:, CONTEXT_DIM:] @ x[:, CONTEXT_DIM:].T

    def log_evidence(self, x: np.ndarray) -> float:
        """log p(D) in nats, from the joint covariance of all the items, in float64."""
        loading, within = self.item_given_context()
        covariance = np.kron(np.eye(len(x)), within)
        covariance += np.kron(np.ones((len(x), len(x))), loading @ loading.T)
        return _log_density(np.asarray(x, np.float64).reshape(-1), covariance)

    def sample(self, rng: np.random.Generator, num_items: int) -> np.ndarray:
        """Data set [N, X] from the model."""
        loading, within = self.item_given_context()
        noise = rng.normal(size=(num_items, len(loading))) @ np.linalg.cholesky(within).T
        return (rng.normal(size=CONTEXT_DIM) @ loading.T + noise).astype(np.float32)

    def generative(self, parameters: dict | None = None) -> SimpleNamespace:
        """The generative protocol as lambdas."""
        shift = parameters or self.generative_zeros()
        dim = len(self.item_context)

        def latent_prior(layer: int, z_above: jax.Array | None, c: jax.Array) -> AffineGaussian:
            mean = _f32(self.latent_context[layer]) @ c + shift["latents"][layer]
            if z_above is not None:
                mean = z_above @ _f32(self.latent_latent.T) + mean[None]
            return affine_gaussian(mean, np.eye(LATENT_DIM))

        def likelihood(zs: tuple[jax.Array, ...], c: jax.Array) -> AffineGaussian:
            mean = (_f32(self.item_context) @ c + shift["items"])[None]
            for loading, z in zip(self.item_latent, zs, strict=True):
                mean = jnp.broadcast_to(mean, (len(z), dim)) + z @ _f32(loading.T)
            return affine_gaussian(mean, self.noise**2 * np.eye(dim))

        return SimpleNamespace(
            context_prior=lambda: affine_gaussian(shift["context"], np.eye(CONTEXT_DIM)),
            latent_prior=latent_prior,
            likelihood=likelihood,
        )

    def inference(self, parameters: dict | None = None) -> SimpleNamespace:
        """The inference protocol as lambdas; exact where the parameters are zero."""
        moves = parameters or self.zeros()
        rows, parts = self.given_noise()
        loading, within = self.item_given_context()

        def context(h: jax.Array, mask: jax.Array | None) -> AffineGaussian:
            counts = jnp.ones(len(h)) if mask is None else mask
            exact = affine_posterior(loading, within, counts @ h, jnp.sum(counts))
            return exact.moved(**moves["context"])

        def latent(
            layer: int, h: jax.Array, z_above: jax.Array | None, c: jax.Array
        ) -> AffineGaussian:
            above = [] if z_above is None else [parts[layer]]
            gain, covariance = _condition(rows, parts[layer + 1], [parts[0], *above, parts[-1]])
            known = [jnp.broadcast_to(c, (len(h), CONTEXT_DIM))]
            known += [] if z_above is None else [z_above]
            mean = jnp.concatenate([*known, h], axis=-1) @ _f32(gain.T)
            move = jax.tree.map(lambda values: values[layer], moves["latents"])
            return affine_gaussian(mean, covariance).moved(**move)

        return SimpleNamespace(encode=lambda x: x, context=context, latent=latent)


@dataclass(frozen=True)
class LinearVAE:
    """z ~ N(0, I), x ~ N(V z, s^2 I): V [X, Z] and s."""

    loading: np.ndarray
    noise: float

    def zeros(self) -> dict:
        """Parameters of ``inference``: the exact posterior's shift and log scale."""
        return {"shift": jnp.zeros(LATENT_DIM), "log_scale": jnp.zeros(LATENT_DIM)}

    def generative_zeros(self) -> dict:
        """Parameters of ``generative``: shifts of both means."""
        return {"latents": jnp.zeros(LATENT_DIM), "items": jnp.zeros(len(self.loading))}

    def covariance(self) -> np.ndarray:
        """[X, X]: of an item."""
        return self.loading @ self.loading.T + self.noise**2 * np.eye(len(self.loading))

    def log_evidence(self, x: np.ndarray) -> float:
        """log p(x) of one item [X], in nats, in float64."""
        return _log_density(np.asarray(x, np.float64), self.covariance())

    def sample(self, rng: np.random.Generator, num_items: int) -> np.ndarray:
        """Items [N, X] from the model."""
        noise = rng.normal(size=(num_items, len(self.loading)))
        return (noise @ np.linalg.cholesky(self.covariance()).T).astype(np.float32)

    def generative(self, parameters: dict | None = None) -> SimpleNamespace:
        """The generative protocol as lambdas, for an item or for several at once."""
        shift = parameters or self.generative_zeros()

        def likelihood(z: jax.Array) -> AffineGaussian:
            mean = z @ _f32(self.loading.T)
            mean = mean + jnp.broadcast_to(shift["items"], mean.shape)
            return affine_gaussian(mean, self.noise**2 * np.eye(len(self.loading)))

        return SimpleNamespace(
            prior=lambda: affine_gaussian(shift["latents"], np.eye(LATENT_DIM)),
            likelihood=likelihood,
        )

    def inference(self, parameters: dict | None = None) -> SimpleNamespace:
        """The inference protocol as lambdas; exact where the parameters are zero."""
        move = parameters or self.zeros()
        precision = np.eye(LATENT_DIM) + self.loading.T @ self.loading / self.noise**2
        covariance = np.linalg.inv(precision)
        gain = _f32(covariance @ self.loading.T / self.noise**2)
        return SimpleNamespace(
            posterior=lambda x: affine_gaussian(x @ gain.T, covariance).moved(**move)
        )


def linear_statistician(layers: int, *, seed: int = 0) -> LinearStatistician:
    """A model whose every loading is drawn at random."""
    rng, dim = np.random.default_rng(seed), 3
    return LinearStatistician(
        latent_context=rng.normal(size=(layers, LATENT_DIM, CONTEXT_DIM)),
        latent_latent=rng.normal(size=(LATENT_DIM, LATENT_DIM)),
        item_latent=rng.normal(size=(layers, dim, LATENT_DIM)),
        item_context=rng.normal(size=(dim, CONTEXT_DIM)),
        noise=0.8,
    )


def linear_vae(*, seed: int = 0) -> LinearVAE:
    """A model whose loading is drawn at random."""
    return LinearVAE(np.random.default_rng(seed).normal(size=(3, LATENT_DIM)), noise=0.8)


def without_context(vae: LinearVAE) -> LinearStatistician:
    """The statistician of one layer whose context nothing looks at."""
    return LinearStatistician(
        latent_context=np.zeros((1, LATENT_DIM, CONTEXT_DIM)),
        latent_latent=np.zeros((LATENT_DIM, LATENT_DIM)),
        item_latent=vae.loading[None],
        item_context=np.zeros((len(vae.loading), CONTEXT_DIM)),
        noise=vae.noise,
    )


def _condition(
    rows: np.ndarray, target: slice, known: list[slice]
) -> tuple[np.ndarray, np.ndarray]:
    """The gain [T, K] and covariance [T, T] of a part given the ``known`` ones."""
    wanted, given = rows[target], np.concatenate([rows[part] for part in known])
    gain = np.linalg.solve(given @ given.T, given @ wanted.T).T
    return gain, wanted @ wanted.T - gain @ given @ wanted.T


def _log_density(x: np.ndarray, covariance: np.ndarray) -> float:
    _, log_det = np.linalg.slogdet(covariance)
    distance = x @ np.linalg.solve(covariance, x)
    return float(-0.5 * (distance + log_det + x.size * np.log(2 * np.pi)))


def _f32(values: np.ndarray | jax.Array) -> jax.Array:
    return jnp.asarray(values, jnp.float32)
