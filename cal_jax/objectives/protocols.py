"""What an objective asks of a model: plain callables that return distrax distributions.

Anything with these names serves: a Flax model's bound methods, an Equinox
module, a ``types.SimpleNamespace`` of lambdas. Shape letters: ``cal_jax.axes``.
"""

from typing import Any, Protocol

from jax import Array

from cal_jax.distributions import Distribution


class ContextAwareInference(Protocol):
    """The approximate posterior q(c, z | a, D) of thesis 6.1.1, factor by factor."""

    def encode(self, x: Array) -> Any:
        """Features of the items: x [N, *X] -> h, whatever the methods below take."""

    def constant_contexts(self, h: Any, a: Array, mask: Array | None) -> Distribution:
        """q(c_k | a, D): pools over the items; batch [K], event [C]. mask [N], None: all count."""

    def varying_contexts(self, h: Any, constants: Array, a: Array) -> Distribution:
        """q(c_k^n | c_Ac, a, x_n): constants [K, C], 0 where varying; batch [N, K], event [C]."""

    def latent(self, h: Any, contexts: Array) -> Distribution:
        """q(z_n | c^n, x_n): contexts [N, K, C]; batch [N], event [Z]."""


class ContextAwareGenerative(Protocol):
    """The generative model of thesis (6.1)-(6.4), factor by factor."""

    def constant_prior(self, a: Array) -> Distribution:
        """p(c_k | a) of a constant context: batch [K], event [C]."""

    def varying_prior(self, constants: Array, a: Array) -> Distribution:
        """p(c_k^n | c_Ac, a), the same for every item: batch [K], event [C]."""

    def latent_prior(self, contexts: Array) -> Distribution:
        """p(z_n | c^n): contexts [N, K, C]; batch [N], event [Z]."""

    def likelihood(self, z: Array, contexts: Array) -> Distribution:
        """p(x_n | z_n, c^n): z [N, Z], contexts [N, K, C]; batch [N], event [*X]."""
