"""Posteriors sampled from one inference model and scored under another.

Roeder et al. 2017: with the second bound to stop-gradient parameters, log q has
a gradient through the sample alone. A ``stop_gradient`` on a distribution would
also cut the gradient of its conditions, z_(l-1) and c.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

from cal_jax.distributions import Distribution, log_prob, sample
from cal_jax.objectives.protocols import NeuralStatisticianInference, VAEInference


class ScoredElsewhere(NamedTuple):
    """Samples of one distribution, scored under another; it has no closed-form KL."""

    sampled: Distribution
    scored: Distribution

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """As sampled."""
        return self.sampled.batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """As sampled."""
        return self.sampled.event_shape

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """A draw of ``sampled``."""
        return sample(self.sampled, seed, sample_shape)

    def log_prob(self, value: Array) -> Array:
        """The log density under ``scored``, in nats."""
        return log_prob(self.scored, value)


class ComposedVAEInference(NamedTuple):
    """See ``objectives.protocols.VAEInference``."""

    posterior: Callable[[Array], Distribution]


class ComposedStatisticianInference(NamedTuple):
    """See ``objectives.protocols.NeuralStatisticianInference``."""

    encode: Callable[[Array], Any]
    context: Callable[[Any, Array | None], Distribution]
    latent: Callable[[int, Any, Array | None, Array], Distribution]


def score_vae_by(sampled: VAEInference, scored: VAEInference) -> ComposedVAEInference:
    """``sampled``, its samples scored under ``scored``."""
    return ComposedVAEInference(
        lambda x: ScoredElsewhere(sampled.posterior(x), scored.posterior(x))
    )


def score_statistician_by(
    sampled: NeuralStatisticianInference, scored: NeuralStatisticianInference
) -> ComposedStatisticianInference:
    """``sampled``, its samples scored under ``scored`` given the sampled z_(l-1) and c."""

    def context(h: tuple[Any, Any], mask: Array | None) -> Distribution:
        return ScoredElsewhere(sampled.context(h[0], mask), scored.context(h[1], mask))

    def latent(layer: int, h: tuple[Any, Any], z_above: Array | None, c: Array) -> Distribution:
        return ScoredElsewhere(
            sampled.latent(layer, h[0], z_above, c), scored.latent(layer, h[1], z_above, c)
        )

    return ComposedStatisticianInference(
        lambda x: (sampled.encode(x), scored.encode(x)), context, latent
    )
