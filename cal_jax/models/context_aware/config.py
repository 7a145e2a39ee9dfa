"""The sizes and choices of a context-aware learner."""

from dataclasses import dataclass
from typing import Literal, get_args

from cal_jax.config import omit_default
from cal_jax.errors import InputError
from cal_jax.nn.equivariant import ANGLE_DIM
from cal_jax.nn.norm import Norm

ImageNetwork = Literal["convolutional", "dense"]
ConstantPosterior = Literal["statistic", "experts", "attention"]
ContextCovariance = Literal["diagonal", "full"]
ContextPrior = Literal["learned", "standard", "mixture", "flow"]
LatentPrior = Literal["learned", "standard"]

_SIZES = (
    "num_contexts",
    "context_dim",
    "latent_dim",
    "image_size",
    "dense_width",
    "view_width",
    "statistic_width",
    "inference_width",
    "depth",
    "attention_heads",
    "prior_components",
    "prior_layers",
    "label_pre_width",
    "label_post_width",
)


@dataclass(frozen=True)
class ContextAwareConfig:
    """The sizes and choices of a context-aware learner; the defaults are thesis 6.4.1's."""

    num_contexts: int = 2
    """K."""
    context_dim: int = 64
    """C, of each context."""
    latent_dim: int = 16
    """Z."""
    image_size: int = 28
    """H = W of the items."""
    image_network: ImageNetwork = "convolutional"
    """The encoder and decoder of images: convolutional (thesis), or dense."""
    convolution_widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each group of three convolutions; the decoder mirrors them."""
    dense_width: int = 512
    """Units of each layer of a dense encoder and decoder."""
    turning_context: int | None = omit_default(None)
    """The context, counted from 0, that turns what the others and z say, for images whose
    rotation varies; None: the model knows nothing of turning. Dense image networks and
    tied experts only."""
    view_width: int = omit_default(128)
    """Units of each layer of the encoder where a context turns: it reads every image at
    several angles."""
    inverting_context: int | None = omit_default(None)
    """The context that says whether an image is shown or its negative, for images whose
    background is black or white; None: the model knows nothing of negatives. Tied experts
    only."""
    statistic_width: int = 256
    """Units of the three layers before and the three after pooling."""
    inference_width: int = 128
    """Units of the three layers of each network of a varying context, of z and of a prior."""
    depth: int = 3
    """Hidden layers of each fully connected subnetwork."""
    norm: Norm = "batch"
    """batch (thesis), layer or none."""
    skip: bool = True
    """Skip connections between the first and last hidden layers."""
    constant_posterior: ConstantPosterior = "statistic"
    """q(c_k | a, D) of a constant context: a statistic network (thesis), the product of
    N(0, I) and an expert of each item, or a statistic of items compared by attention."""
    tied: bool = False
    """The varying posterior of a context is N(0, I) times the same expert of one item;
    it does not see the constant contexts."""
    context_covariance: str = omit_default("diagonal")
    """Of the contexts' posteriors that networks give: diagonal, or full (7.2.4.1); those of
    experts are diagonal."""
    attention_heads: int = 4
    """Of the attention; they divide the statistic's width."""
    context_prior: ContextPrior = "learned"
    """p(c_k | a) and p(c_k | c_Ac, a): Gaussians from networks (6.3), (6.4), N(0, I),
    mixtures of Gaussians, or flows of coupling layers."""
    prior_components: int = 20
    """Gaussians in the mixture of each context."""
    prior_layers: int = 4
    """BatchObjective layers in the flow of each context."""
    latent_prior: LatentPrior = "learned"
    """p(z | c): a network (6.2), or N(0, I)."""
    prior_sees_label: bool = False
    """Feed a constant context's prior the whole of a, not only its role."""
    prior_sees_constants: bool = omit_default(True)
    """Feed a varying context's prior the constant contexts (6.4); without them, what a
    varying context says of a constant one costs nats instead of being expected."""
    num_labels: int = 0
    """M, the labels between which the label network q(a | D) decides; 0: there is none."""
    label_pre_width: int = 512
    """Units of the label network's layers before pooling (6.4.3)."""
    label_post_width: int = 128
    """Units of those after pooling (6.4.3)."""

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")
        if self.num_labels < 0:
            raise InputError(f"num_labels must be 0 or more: got {self.num_labels}")
        if not self.convolution_widths or min(self.convolution_widths) < 1:
            raise InputError(
                f"convolution_widths must be one or more sizes of at least 1: "
                f"got {self.convolution_widths}"
            )
        choices = {
            "image_network": ImageNetwork,
            "norm": Norm,
            "constant_posterior": ConstantPosterior,
            "context_covariance": ContextCovariance,
            "context_prior": ContextPrior,
            "latent_prior": LatentPrior,
        }
        for name, names in choices.items():
            if getattr(self, name) not in get_args(names):
                accepted = ", ".join(get_args(names))
                raise InputError(f"{name} must be one of {accepted}: got {getattr(self, name)!r}")
        self._require_what_acting_needs()
        if self.turning_context is not None:
            self._require_what_turning_needs()
        if self.tied and self.constant_posterior != "experts":
            raise InputError(
                f"tied must be False where constant_posterior is {self.constant_posterior}: "
                "accepted is True with experts alone"
            )
        if self.context_covariance == "full" and self.constant_posterior == "experts":
            raise InputError(
                "context_covariance must be diagonal where constant_posterior is experts: "
                "got 'full'"
            )
        if self.constant_posterior == "attention" and self.statistic_width % self.attention_heads:
            raise InputError(
                f"attention_heads must divide statistic_width {self.statistic_width}: "
                f"got {self.attention_heads}"
            )

    @property
    def acting_contexts(self) -> tuple[int, ...]:
        """Those that act on what the other contexts and z draw."""
        acting = (self.turning_context, self.inverting_context)
        return tuple(context for context in acting if context is not None)

    def _require_what_acting_needs(self) -> None:
        acting = self.acting_contexts
        for name in ("turning_context", "inverting_context"):
            context = getattr(self, name)
            if context is not None and not 0 <= context < self.num_contexts:
                raise InputError(
                    f"{name} must be None or one of {self.num_contexts} contexts, "
                    f"counted from 0: got {context}"
                )
        if len(set(acting)) < len(acting) or len(acting) >= self.num_contexts:
            raise InputError(
                "turning_context and inverting_context must be different contexts, "
                f"and leave one that they act on: got {acting} of {self.num_contexts}"
            )
        if acting and not self.tied:
            raise InputError(
                "turning_context and inverting_context must be None where tied is False: an "
                f"angle or a sign is an item's own expert; got {acting}"
            )

    def _require_what_turning_needs(self) -> None:
        if self.image_network != "dense":
            raise InputError(
                f"turning_context must be None where image_network is {self.image_network}: "
                f"got {self.turning_context}"
            )
        if self.context_dim < ANGLE_DIM:
            raise InputError(
                f"context_dim must be at least {ANGLE_DIM} where a context turns: "
                f"got {self.context_dim}"
            )
