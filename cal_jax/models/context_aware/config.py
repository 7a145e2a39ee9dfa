"""Composition of a context-aware learner: its contexts, and a component for each role."""

from dataclasses import dataclass, field

from cal_jax.config import require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import AnyDecoder, ConvDecoder
from cal_jax.models.components.encoders import AnyEncoder, ConvEncoder, EquivariantEncoder
from cal_jax.models.components.likelihoods import AnyLikelihood, Bernoulli
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.context_aware.actions import Inversion, NoAction, Rotation
from cal_jax.models.context_aware.labels import PooledLabels, RelationalLabels, ScatterLabels
from cal_jax.models.context_aware.posteriors import (
    Attention,
    Experts,
    FlowPosterior,
    SharedExperts,
    Statistic,
)
from cal_jax.models.context_aware.priors import (
    CouplingFlow,
    LearnedGaussian,
    Mixture,
    Prior,
    Standard,
)
from cal_jax.nn.hidden import Hidden

# The components that a configuration may name: a line here makes one known to files and flags.
AnyPosterior = Statistic | Attention | Experts | SharedExperts | FlowPosterior
AnyPrior = LearnedGaussian | Standard | Mixture | CouplingFlow
AnyAction = NoAction | Rotation | Inversion
AnyLabels = PooledLabels | RelationalLabels | ScatterLabels


RESERVED = ("self", "seed", "num_items")
"""Names that no context has: ``TrainedLearner.synthesise`` takes sources by context name,
beside these arguments."""


@dataclass(frozen=True)
class Context:
    """A factor that is constant or varies within a set."""

    name: str
    action: AnyAction = field(default_factory=NoAction)
    """The known transformation of items by the context, if any."""

    def __post_init__(self) -> None:
        if self.name in RESERVED:
            raise InputError(
                f"context {self.name!r}: a name of an argument beside those of the contexts; "
                f"accepted: any but {', '.join(RESERVED)}"
            )


def named(*names: str) -> tuple[Context, ...]:
    """Contexts of these names, without known actions."""
    return tuple(Context(name) for name in names)


@dataclass(frozen=True)
class Latent:
    """The latent variable z of an item."""

    dim: int = 16
    """Z."""
    prior: AnyPrior = field(default_factory=lambda: LearnedGaussian(sees="contexts"))
    """p(z | c): depends on the contexts (6.2), or is N(0, I)."""

    def __post_init__(self) -> None:
        require_at_least(self, dim=1)
        _require_sees("latent.prior", self.prior, "contexts")


@dataclass(frozen=True)
class ContextAwareConfig:
    """A context-aware learner; the defaults are thesis 6.4.1's."""

    contexts: tuple[Context, ...] = named("context_0", "context_1")
    """One for each of K factors."""
    context_dim: int = 64
    """C, of each context."""
    latent: Latent = field(default_factory=Latent)
    encoder: AnyEncoder = field(default_factory=ConvEncoder)
    decoder: AnyDecoder = field(default_factory=ConvDecoder)
    posterior: AnyPosterior = field(default_factory=Statistic)
    """q(c_k | a, D) and q(c_k^n | c_Ac, a, x_n)."""
    constant_prior: AnyPrior = field(default_factory=LearnedGaussian)
    """p(c_k | a) (6.3): independent of a, or given the constant mask."""
    varying_prior: AnyPrior = field(default_factory=lambda: LearnedGaussian(sees="constants"))
    """p(c_k | c_Ac, a) (6.4): given the constant contexts, or not."""
    likelihood: AnyLikelihood = field(default_factory=Bernoulli)
    labels: AnyLabels | None = None
    """q(a | D); None for known masks."""
    hidden: Hidden = field(default_factory=Hidden)

    def __post_init__(self) -> None:
        require_at_least(self, context_dim=1)
        names = [context.name for context in self.contexts]
        if not names or len(set(names)) < len(names):
            raise InputError(f"contexts must be one or more of different names: got {names}")
        _require_sees("constant_prior", self.constant_prior, "nothing", "mask")
        _require_sees("varying_prior", self.varying_prior, "nothing", "constants")
        self._require_what_actions_need()
        labels = self.labels
        if labels is not None and labels.needs_item_experts and not self.posterior.has_item_experts:
            raise InputError(
                f"labels {type(labels).__name__} needs the posterior SharedExperts: "
                f"got {type(self.posterior).__name__}"
            )

    @property
    def num_contexts(self) -> int:
        """K."""
        return len(self.contexts)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the contexts."""
        return tuple(context.name for context in self.contexts)

    def sizes(self, event_shape: tuple[int, ...]) -> Sizes:
        """The dimensions of a model of items of this shape.

        Raises:
          InputError: a component that does not accept such items.
        """
        sizes = Sizes(
            self.num_contexts, self.context_dim, self.latent.dim, tuple(event_shape), self.hidden
        )
        for context in self.contexts:
            context.action.check(sizes)
        return sizes

    def decoder_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The decoder's output shape for one item, before any action."""
        shape = self.likelihood.parameter_shape(event_shape)
        for context in self.contexts:
            shape = context.action.parameter_shape(shape)
        return shape

    def _require_what_actions_need(self) -> None:
        acting = [context.name for context in self.contexts if context.action.transforms]
        kinds = [type(context.action) for context in self.contexts if context.action.transforms]
        if len(set(kinds)) < len(kinds):
            raise InputError(f"contexts {', '.join(acting)} have the same action: accepted is once")
        if acting and len(acting) == len(self.contexts):
            raise InputError(
                f"every context has an action: accepted is all but one, got {', '.join(acting)}"
            )
        if acting and not self.posterior.has_item_experts:
            raise InputError(
                f"an action of {', '.join(acting)} needs the posterior SharedExperts: "
                f"got {type(self.posterior).__name__}"
            )
        if Inversion in kinds and not isinstance(self.likelihood, Bernoulli):
            raise InputError(
                f"an Inversion needs the likelihood Bernoulli: got {type(self.likelihood).__name__}"
            )
        if (Rotation in kinds) != isinstance(self.encoder, EquivariantEncoder):
            raise InputError(
                "a Rotation and an EquivariantEncoder need each other: got the encoder "
                f"{type(self.encoder).__name__} and the actions "
                f"{', '.join(kind.__name__ for kind in kinds) or 'none'}"
            )


def _require_sees(name: str, prior: Prior, *accepted: str) -> None:
    if not isinstance(prior, Standard) and prior.sees not in accepted:
        raise InputError(f"{name}.sees must be one of {', '.join(accepted)}: got {prior.sees!r}")
