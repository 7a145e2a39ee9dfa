"""A mixture of diagonal Gaussians."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax import noise
from cal_jax.independent import DiagonalGaussian


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of M diagonal Gaussians; batch [...], event [C].

    See ``distributions.gaussian_mixture``. No KL to it or from it has a closed form.
    """

    logits: Array
    """[..., M], unnormalised."""
    components: DiagonalGaussian
    """Batch [..., M], event [C]."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """[...]."""
        return self.logits.shape[:-1]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(C,)."""
        return self.components.event_shape

    def mean(self) -> Array:
        """[..., C]."""
        return self._average(self.components.mean())

    def variance(self) -> Array:
        """[..., C]: of the components, and between them."""
        apart = self.components.mean() - self.mean()[..., None, :]
        return self._average(self.components.variance() + jnp.square(apart))

    def log_prob(self, value: Array) -> Array:
        """log p(value) in nats; leading axes of ``value`` beyond the batch are broadcast."""
        of_each = self.components.log_prob(value[..., None, :])
        log_weights = jnp.broadcast_to(jax.nn.log_softmax(self.logits), of_each.shape)
        return jax.nn.logsumexp(of_each + log_weights, axis=-1)

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws, [*sample_shape, ..., C]: a component's Gaussian, the component by its weight."""
        key_component, key_noise = jax.random.split(seed)
        dtype = self.components.loc.dtype
        shape = (*sample_shape, *self.logits.shape)
        drawn = jnp.broadcast_to(self.logits, shape) + noise.gumbel(key_component, shape, dtype)
        chosen = jax.nn.one_hot(drawn.argmax(axis=-1), shape[-1], dtype=dtype)[..., None]

        def of_chosen(parameter: Array) -> Array:
            return jnp.sum(chosen * jnp.broadcast_to(parameter, (*shape, *self.event_shape)), -2)

        mean, scale = of_chosen(self.components.mean()), of_chosen(self.components.stddev())
        return mean + scale * noise.normal(key_noise, mean.shape, dtype)

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Every finite number has a density."""

    def _average(self, of_components: Array) -> Array:
        """Values [..., M, C] averaged by the components' weights: [..., C]."""
        return jnp.sum(jax.nn.softmax(self.logits)[..., None] * of_components, axis=-2)
