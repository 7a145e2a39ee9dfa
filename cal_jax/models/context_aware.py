"""The context-aware learner as a Flax module (thesis 6.3.1, 6.4.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import flax.linen as nn
from jax import Array

from cal_jax.distributions import Distribution, bernoulli, diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.networks.convolution import ConvolutionalDecoder, ConvolutionalEncoder
from cal_jax.networks.dense import GaussianHead, LearnedGaussian, ResidualMLP
from cal_jax.networks.fully_connected import DenseDecoder, DenseEncoder
from cal_jax.networks.normalisation import Norm
from cal_jax.networks.passes import EVALUATION, Pass
from cal_jax.networks.statistic import StatisticNetwork

ImageNetwork = Literal["convolutional", "dense"]
Prior = Literal["learned", "standard"]


_SIZES = (
    "num_contexts",
    "context_dim",
    "latent_dim",
    "image_size",
    "dense_width",
    "statistic_width",
    "inference_width",
    "depth",
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
    context_prior: Prior = "learned"
    """p(c_k | a) and p(c_k | c_Ac, a): networks (6.3), (6.4), or N(0, I)."""
    latent_prior: Prior = "learned"
    """p(z | c): a network (6.2), or N(0, I)."""
    prior_sees_label: bool = False
    """Feed a constant context's prior the whole of a, not only its role."""

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")
        if not self.convolution_widths or min(self.convolution_widths) < 1:
            raise InputError(
                f"convolution_widths must be one or more sizes of at least 1: "
                f"got {self.convolution_widths}"
            )
        choices = {
            "image_network": ImageNetwork,
            "norm": Norm,
            "context_prior": Prior,
            "latent_prior": Prior,
        }
        for name, names in choices.items():
            if getattr(self, name) not in get_args(names):
                accepted = ", ".join(get_args(names))
                raise InputError(f"{name} must be one of {accepted}: got {getattr(self, name)!r}")


class Inference(NamedTuple):
    """q(c, z | a, D): see ``objectives.protocols.ContextAwareInference``."""

    encode: Callable[[Array], Array]
    constant_contexts: Callable[[Array, Array, Array | None], Distribution]
    varying_contexts: Callable[[Array, Array, Array], Distribution]
    latent: Callable[[Array, Array], Distribution]


class Generative(NamedTuple):
    """p(x, z, c | a): see ``objectives.protocols.ContextAwareGenerative``."""

    constant_prior: Callable[[Array], Distribution]
    varying_prior: Callable[[Array, Array], Distribution]
    latent_prior: Callable[[Array], Distribution]
    likelihood: Callable[[Array, Array], Distribution]


class ContextAwareLearner(nn.Module):
    """One image encoder, one statistic trunk, one varying trunk, K heads on each.

    Thesis 6.3.1's "2K distributions": all are computed, and the masks select.
    ``inference(run)`` and ``generative(run)`` bind the networks to one pass
    over one data set (its item mask, and where batch statistics come from)
    and return the callables of ``objectives.protocols``.
    """

    config: ContextAwareConfig

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        contexts = (c.num_contexts, c.context_dim)
        latent = (c.latent_dim,)
        narrow = _subnetwork(c, c.inference_width)
        self.encoder, self.decoder = _image_networks(c)
        self.statistic = StatisticNetwork(c.statistic_width, c.depth, c.norm, c.skip)
        self.constant_head = GaussianHead(contexts)
        self.varying_trunk, self.varying_head = narrow(), GaussianHead(contexts)
        self.latent_trunk, self.latent_head = narrow(), GaussianHead(latent)
        if c.context_prior == "learned":
            if c.prior_sees_label:
                self.constant_prior_trunk = narrow()
                self.constant_prior_head = GaussianHead(contexts)
            else:
                self.constant_prior_parameters = LearnedGaussian(contexts)
            self.varying_prior_trunk, self.varying_prior_head = narrow(), GaussianHead(contexts)
        if c.latent_prior == "learned":
            self.latent_prior_trunk, self.latent_prior_head = narrow(), GaussianHead(latent)

    def inference(self, run: Pass = EVALUATION) -> Inference:
        """The approximate posterior, bound to one pass over one data set."""

        def encode(x: Array) -> Array:
            return self.encoder(x, run)

        def constant_contexts(h: Array, a: Array, mask: Array | None) -> Distribution:
            del a  # each head is in use only where its context is constant
            statistic = self.statistic(h, run._replace(mask=mask))
            return diagonal_gaussian(*self.constant_head(statistic))

        def varying_contexts(h: Array, constants: Array, a: Array) -> Distribution:
            trunk = self.varying_trunk(run, h, constants.reshape(-1), a)
            return diagonal_gaussian(*self.varying_head(trunk))

        def latent(h: Array, contexts: Array) -> Distribution:
            trunk = self.latent_trunk(run, h, _flat(contexts))
            return diagonal_gaussian(*self.latent_head(trunk))

        return Inference(encode, constant_contexts, varying_contexts, latent)

    def generative(self, run: Pass = EVALUATION) -> Generative:
        """The generative model, bound to one pass over one data set."""
        c = self.config
        contexts_shape = (c.num_contexts, c.context_dim)

        def constant_prior(a: Array) -> Distribution:
            if c.context_prior == "standard":
                return standard_gaussian(contexts_shape)
            if c.prior_sees_label:
                trunk = self.constant_prior_trunk(run.of_the_set(), a)
                return diagonal_gaussian(*self.constant_prior_head(trunk))
            return diagonal_gaussian(*self.constant_prior_parameters())

        def varying_prior(constants: Array, a: Array) -> Distribution:
            if c.context_prior == "standard":
                return standard_gaussian(contexts_shape)
            trunk = self.varying_prior_trunk(run.of_the_set(), constants.reshape(-1), a)
            return diagonal_gaussian(*self.varying_prior_head(trunk))

        def latent_prior(contexts: Array) -> Distribution:
            if c.latent_prior == "standard":
                return standard_gaussian((contexts.shape[0], c.latent_dim))
            trunk = self.latent_prior_trunk(run, _flat(contexts))
            return diagonal_gaussian(*self.latent_prior_head(trunk))

        def likelihood(z: Array, contexts: Array) -> Distribution:
            return bernoulli(self.decoder(run, z, _flat(contexts)), event_ndims=2)

        return Generative(constant_prior, varying_prior, latent_prior, likelihood)


def _image_networks(c: ContextAwareConfig) -> tuple[nn.Module, nn.Module]:
    """The encoder and the decoder of images."""
    if c.image_network == "convolutional":
        return (
            ConvolutionalEncoder(c.convolution_widths, c.norm),
            ConvolutionalDecoder(c.image_size, c.convolution_widths, c.norm),
        )
    return (
        DenseEncoder(c.dense_width, c.depth, c.norm, c.skip),
        DenseDecoder(c.image_size, c.dense_width, c.depth, c.norm, c.skip),
    )


def _subnetwork(config: ContextAwareConfig, width: int) -> Callable[[], ResidualMLP]:
    return lambda: ResidualMLP(width, config.depth, config.norm, config.skip)


def _flat(contexts: Array) -> Array:
    """Contexts [N, K, C] as one vector an item, [N, K * C]."""
    return contexts.reshape(contexts.shape[0], -1)
