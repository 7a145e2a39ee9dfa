"""Decoders: from contexts and z to the parameters of an item's likelihood."""

import abc
from dataclasses import dataclass

import flax.linen as nn

from cal_jax.config import require_at_least
from cal_jax.models.components.encoders import require_image, require_widths
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn import bilinear, conv, densenet, fully_connected, mlp, residual


@dataclass(frozen=True)
class Decoder(abc.ABC):
    """A network from latent variables to outputs of a given shape."""

    @abc.abstractmethod
    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        """The Flax module; called as ``network(ctx, *inputs [N, F_i])``, it gives [N, *shape]."""


@dataclass(frozen=True)
class DenseDecoder(Decoder):
    """A residual MLP, for any output shape."""

    width: int = 512

    def __post_init__(self) -> None:
        require_at_least(self, width=1)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        return fully_connected.DenseDecoder(shape, sizes.hidden.of_width(self.width))


@dataclass(frozen=True)
class BilinearDecoder(Decoder):
    """A ``DenseDecoder`` plus products of a softmax gate and linear factors of its inputs, for
    any output shape: style times content (Tenenbaum & Freeman 2000).
    """

    width: int = 512
    gates: int = 32
    """Linear maps among which the gate chooses: some more than the kinds of content."""
    factors: int = 64
    """Dimensions that each of them reads, linear in the contexts and z."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1, gates=1, factors=1)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        hidden = sizes.hidden.of_width(self.width)
        return bilinear.BilinearDecoder(shape, hidden, self.gates, self.factors)


@dataclass(frozen=True)
class MLPDecoder(Decoder):
    """Layers of given widths without skip connections, for any output shape (thesis 4.4.1)."""

    widths: tuple[int, ...] = (200, 500)
    """Units of each layer."""

    def __post_init__(self) -> None:
        require_widths(self.widths)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        return mlp.MLPDecoder(shape, self.widths, sizes.hidden.norm)


@dataclass(frozen=True)
class ConvDecoder(Decoder):
    """The mirror of ``ConvEncoder``: transposed 3x3 convolutions (thesis 6.4.1)."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each group of the encoder that it mirrors."""

    def __post_init__(self) -> None:
        require_widths(self.widths)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "ConvDecoder")
        h = sizes.hidden
        return conv.ConvolutionalDecoder(shape, self.widths, h.norm, h.activation)


@dataclass(frozen=True)
class ResidualDecoder(Decoder):
    """The mirror of ``ResidualEncoder``."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each group of the encoder that it mirrors."""
    blocks: int = 2
    """Blocks of each group."""

    def __post_init__(self) -> None:
        require_widths(self.widths)
        require_at_least(self, blocks=1)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "ResidualDecoder")
        h = sizes.hidden
        return residual.ResidualDecoder(shape, self.widths, self.blocks, h.norm, h.activation)


@dataclass(frozen=True)
class DenseNetDecoder(Decoder):
    """The mirror of ``DenseNetEncoder``."""

    blocks: int = 3
    layers: int = 4
    """Convolutions of each block."""
    growth: int = 12
    """Channels that each convolution adds."""

    def __post_init__(self) -> None:
        require_at_least(self, blocks=1, layers=1, growth=1)

    def network(self, shape: tuple[int, ...], sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "DenseNetDecoder")
        h = sizes.hidden
        return densenet.DenseNetDecoder(
            shape, self.blocks, self.layers, self.growth, h.norm, h.activation
        )


# The decoders that a configuration may name: a line here makes one known to files and flags.
AnyDecoder = (
    ConvDecoder | DenseDecoder | BilinearDecoder | MLPDecoder | ResidualDecoder | DenseNetDecoder
)
