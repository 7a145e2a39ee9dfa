"""The parts of a context-aware learner that its config names."""

from collections.abc import Callable

import flax.linen as nn

from cal_jax.distributions import (
    Distribution,
    coupling_flow,
    diagonal_gaussian,
    gaussian_mixture,
    triangular_gaussian,
)
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.nn.attention import RelationalStatisticNetwork
from cal_jax.nn.conv import ConvolutionalDecoder, ConvolutionalEncoder
from cal_jax.nn.dense import (
    GaussianHead,
    GaussianParameters,
    ResidualMLP,
    TriangularGaussianHead,
    TriangularParameters,
)
from cal_jax.nn.equivariant import ViewEncoder
from cal_jax.nn.fully_connected import DenseDecoder, DenseEncoder
from cal_jax.nn.priors import FlowParameters, FlowPrior, MixtureParameters, MixturePrior
from cal_jax.nn.statistic import StatisticNetwork
from cal_jax.nn.turning import harmonic_basis


def image_networks(c: ContextAwareConfig) -> tuple[nn.Module, nn.Module]:
    """The encoder and the decoder of images."""
    if c.image_network == "convolutional":
        return (
            ConvolutionalEncoder(c.convolution_widths, c.norm),
            ConvolutionalDecoder((c.image_size,) * 2, c.convolution_widths, c.norm),
        )
    shape: tuple[int, ...] = (c.image_size, c.image_size)
    encoder: nn.Module = DenseEncoder(c.dense_width, c.depth, c.norm, c.skip)
    if c.turning_context is not None:
        shape = (len(harmonic_basis(c.image_size).pixels),)
        encoder = ViewEncoder(c.view_width, c.depth, c.norm, c.skip)
    return encoder, DenseDecoder(shape, c.dense_width, c.depth, c.norm, c.skip)


def statistic_network(c: ContextAwareConfig) -> nn.Module:
    """What pools the items of a set."""
    if c.constant_posterior == "attention":
        return RelationalStatisticNetwork(
            c.statistic_width, c.depth, c.attention_heads, c.norm, c.skip
        )
    return StatisticNetwork(c.statistic_width, c.depth, c.norm, c.skip)


def posterior_head(c: ContextAwareConfig) -> nn.Module:
    """What a network's features say of every context."""
    contexts = (c.num_contexts, c.context_dim)
    is_full = c.context_covariance == "full"
    return TriangularGaussianHead(contexts) if is_full else GaussianHead(contexts)


def posterior_of(parameters: GaussianParameters | TriangularParameters) -> Distribution:
    """What a posterior head's parameters stand for."""
    if isinstance(parameters, TriangularParameters):
        return triangular_gaussian(*parameters)
    return diagonal_gaussian(*parameters)


def rich_prior(c: ContextAwareConfig) -> nn.Module:
    """A prior of the contexts that is more than one Gaussian."""
    contexts = (c.num_contexts, c.context_dim)
    if c.context_prior == "mixture":
        return MixturePrior(contexts, c.prior_components)
    return FlowPrior(contexts, c.prior_layers, c.inference_width)


def rich_prior_of(parameters: MixtureParameters | FlowParameters) -> Distribution:
    """What its parameters stand for."""
    if isinstance(parameters, MixtureParameters):
        return gaussian_mixture(*parameters)
    return coupling_flow(*parameters)


def subnetwork(config: ContextAwareConfig, width: int) -> Callable[[], ResidualMLP]:
    """Makes residual MLPs of that width."""
    return lambda: ResidualMLP(width, config.depth, config.norm, config.skip)
