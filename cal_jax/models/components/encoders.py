"""Encoders: from an item to features and, for equivariant encoders, its pose."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import flax.linen as nn
from jax import Array

from cal_jax.config import omit_default, require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn import conv, densenet, fully_connected, patches, residual
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import MLP
from cal_jax.nn.equivariant import ViewEncoder


class Features(NamedTuple):
    """An encoder's outputs for N items."""

    features: Array
    """[N, F]"""
    pose: Array | None = None
    """[N, P], equivariant to a known transformation; None for other encoders."""


@dataclass(frozen=True)
class Encoder(abc.ABC):
    """A network from items to features."""

    @abc.abstractmethod
    def network(self, sizes: Sizes) -> nn.Module:
        """The Flax module; called as ``network(x [N, *X], ctx)``."""

    def read(self, network: nn.Module, x: Array, ctx: ApplyContext) -> Features:
        """Features of items x [N, *X]."""
        return Features(network(x, ctx))


@dataclass(frozen=True)
class DenseEncoder(Encoder):
    """A residual MLP over the flattened item, of any shape."""

    width: int = 512

    def __post_init__(self) -> None:
        require_at_least(self, width=1)

    def network(self, sizes: Sizes) -> nn.Module:
        return fully_connected.DenseEncoder(sizes.hidden.of_width(self.width))


@dataclass(frozen=True)
class MLPEncoder(Encoder):
    """Layers of given widths over the flattened item, without skip connections (thesis 4.4.1)."""

    widths: tuple[int, ...] = (500, 200)
    """Units of each layer."""

    def __post_init__(self) -> None:
        require_widths(self.widths)

    def network(self, sizes: Sizes) -> nn.Module:
        return MLP(self.widths, sizes.hidden.norm)

    def read(self, network: nn.Module, x: Array, ctx: ApplyContext) -> Features:
        return Features(network(x.reshape(x.shape[0], -1), ctx))


@dataclass(frozen=True)
class ConvEncoder(Encoder):
    """Groups of three 3x3 convolutions, the last of each with stride 2 (thesis 6.4.1)."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each group."""

    def __post_init__(self) -> None:
        require_widths(self.widths)

    def network(self, sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "ConvEncoder")
        h = sizes.hidden
        return conv.ConvolutionalEncoder(self.widths, h.norm, h.activation)


@dataclass(frozen=True)
class PatchEncoder(Encoder):
    """Convolutions as products of patches, then a dense layer: fast on a CPU."""

    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of each convolution, the first 5x5, the others 3x3 of stride 2."""
    units: int = 256
    """Of the dense layer."""
    first_stride: int = omit_default(2)
    """Of the first convolution: 4 costs a quarter of 2 on large images."""

    def __post_init__(self) -> None:
        require_widths(self.widths)
        require_at_least(self, units=1, first_stride=1)

    def network(self, sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "PatchEncoder")
        h = sizes.hidden
        return patches.PatchEncoder(
            self.widths, self.units, h.norm, h.activation, self.first_stride
        )


@dataclass(frozen=True)
class ResidualEncoder(Encoder):
    """Groups of residual blocks, each group at half the size (He et al. 2016; thesis 7.2.3)."""

    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each group."""
    blocks: int = 2
    """Blocks of each group."""

    def __post_init__(self) -> None:
        require_widths(self.widths)
        require_at_least(self, blocks=1)

    def network(self, sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "ResidualEncoder")
        h = sizes.hidden
        return residual.ResidualEncoder(self.widths, self.blocks, h.norm, h.activation)


@dataclass(frozen=True)
class DenseNetEncoder(Encoder):
    """Densely connected blocks of convolutions (Huang et al. 2017; thesis 7.2.3)."""

    blocks: int = 3
    layers: int = 4
    """Convolutions of each block."""
    growth: int = 12
    """Channels that each convolution adds."""

    def __post_init__(self) -> None:
        require_at_least(self, blocks=1, layers=1, growth=1)

    def network(self, sizes: Sizes) -> nn.Module:
        require_image(sizes.event_shape, "DenseNetEncoder")
        h = sizes.hidden
        return densenet.DenseNetEncoder(self.blocks, self.layers, self.growth, h.norm, h.activation)


@dataclass(frozen=True)
class EquivariantEncoder(Encoder):
    """A residual MLP over rotated views of an image: rotation-invariant features, and a pose.

    See ``nn.equivariant``; the pose is that of ``Rotation``.
    """

    width: int = 128

    def __post_init__(self) -> None:
        require_at_least(self, width=1)

    def network(self, sizes: Sizes) -> nn.Module:
        require_square(sizes.event_shape, "EquivariantEncoder")
        return ViewEncoder(sizes.hidden.of_width(self.width))

    def read(self, network: nn.Module, x: Array, ctx: ApplyContext) -> Features:
        return Features(*network(x, ctx))


# The encoders that a configuration may name: a line here makes one known to files and flags.
AnyEncoder = (
    ConvEncoder
    | DenseEncoder
    | MLPEncoder
    | PatchEncoder
    | ResidualEncoder
    | DenseNetEncoder
    | EquivariantEncoder
)


def require_no_pose(encoder: Encoder) -> None:
    """Refuse an encoder with a pose that the model would not use.

    Raises:
      InputError: then.
    """
    if isinstance(encoder, EquivariantEncoder):
        raise InputError(
            "encoder must not be an EquivariantEncoder: its features know no angle, and only a "
            "Rotation of a context-aware learner reads its pose"
        )


def require_widths(widths: tuple[int, ...]) -> None:
    """Refuse an empty list of layers, or a layer without units or channels.

    Raises:
      InputError: then.
    """
    if not widths or min(widths) < 1:
        raise InputError(f"widths must be one or more sizes of at least 1: got {widths}")


def require_image(event_shape: tuple[int, ...], component: str) -> None:
    """Refuse items that are not images.

    Raises:
      InputError: then.
    """
    if len(event_shape) not in (2, 3):
        raise InputError(
            f"{component} takes images [H, W] or [H, W, channels]: items have shape {event_shape}"
        )


def require_square(event_shape: tuple[int, ...], component: str) -> None:
    """Refuse items that are not square images of one channel.

    Raises:
      InputError: then.
    """
    if len(event_shape) != 2 or event_shape[0] != event_shape[1]:
        raise InputError(
            f"{component} takes square images [H, H] of one channel: items have shape {event_shape}"
        )
