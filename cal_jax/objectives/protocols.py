"""Protocols of the model callables that objectives take; they return distributions.

Any object with these methods works: a bound Flax model, an Equinox module, a
``types.SimpleNamespace`` of lambdas. Shape letters: ``cal_jax.axes``.
"""

from typing import Any, Protocol

from jax import Array

from cal_jax.distributions import Distribution


class VAEInference(Protocol):
    """The approximate posterior q(z | x) of thesis 4.2, for one item."""

    def posterior(self, x: Array) -> Distribution:
        """q(z | x): x [*X]; event [Z]."""


class VAEGenerative(Protocol):
    """The generative model of thesis (4.5), for one item."""

    def prior(self) -> Distribution:
        """p(z): event [Z]."""

    def likelihood(self, z: Array) -> Distribution:
        """p(x | z): z [Z]; event [*X]."""


class NeuralStatisticianInference(Protocol):
    """The approximate posterior q(c, z_1..L | D) of thesis 5.1, factor by factor.

    ``layer`` is a Python int; layer 0 is the top one, z_1 in the thesis, whose
    ``z_above`` is None.
    """

    def encode(self, x: Array) -> Any:
        """Features of the items: x [N, *X] -> h, whatever the methods below take."""

    def context(self, h: Any, mask: Array | None) -> Distribution:
        """q(c | D): pools over the items; event [C]. mask [N], None: all count."""

    def latent(self, layer: int, h: Any, z_above: Array | None, c: Array) -> Distribution:
        """q(z_l | z_(l-1), c, x_n): z_above [N, Z], c [C]; batch [N], event [Z]."""


class NeuralStatisticianGenerative(Protocol):
    """The generative model of thesis (5.2), (5.3) and (5.8), (5.9), factor by factor."""

    def context_prior(self) -> Distribution:
        """p(c): event [C]."""

    def latent_prior(self, layer: int, z_above: Array | None, c: Array) -> Distribution:
        """p(z_l | z_(l-1), c): z_above [N, Z], c [C]; batch [N], or none at the top; event [Z]."""

    def likelihood(self, zs: tuple[Array, ...], c: Array) -> Distribution:
        """p(x_n | z_1..L, c): L arrays [N, Z], c [C]; batch [N], event [*X]."""


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


class LabelInference(ContextAwareInference, Protocol):
    """The approximate posterior q(c, z, a | D), which includes the constant mask of the set.

    A model whose callables cannot run inside ``jax.vmap`` (a Flax module's
    cannot) also has ``over_labels(function, support [M, K])``, which maps
    ``function(generative, inference, a [K])`` over the masks itself and
    stacks the results, [M, ...].
    """

    def labels(self, h: Any, mask: Array | None) -> Array:
        """Logits [M] of q(a | D) over the support: pools over the items. mask [N], None: all."""


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
