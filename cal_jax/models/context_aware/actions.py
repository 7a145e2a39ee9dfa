"""Known transformations that a context performs: rotation, inversion, or none.

An action canonicalises the input before the encoder reads it and transforms the decoder's
output. z and the other contexts see of its context what ``summary`` tells, so that what they
draw is as probable under a transformation that was never seen with it.
"""

import abc
from dataclasses import dataclass, field
from typing import ClassVar

import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError
from cal_jax.models.components.encoders import DenseEncoder, require_square
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.context_aware.posteriors import Evidence
from cal_jax.models.context_aware.priors import Networks
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.equivariant import ANGLE_DIM, AngleReading, angle_experts
from cal_jax.nn.inverting import SignExperts, SignReading, folded
from cal_jax.nn.turning import concentration, harmonic_basis, turned_back, turned_image


@dataclass(frozen=True)
class Action(abc.ABC):
    """A transformation of items, by the value of one context."""

    transforms: ClassVar[bool] = True
    """False of ``NoAction`` alone."""

    def networks(self, sizes: Sizes) -> Networks:
        """The Flax modules, by name."""
        del sizes
        return {}

    def check(self, sizes: Sizes) -> None:
        """Refuse a model in which the action has no place.

        Raises:
          InputError: then.
        """
        del sizes

    def canonical(self, x: Array) -> tuple[Array, Array | None]:
        """Items x [N, *X] with the transformation undone, and its reading [N, R], if read here."""
        return x, None

    @abc.abstractmethod
    def evidence(
        self,
        networks: Networks,
        evidence: Evidence,
        k: int,
        reading: Array | None,
        pose: Array | None,
    ) -> Evidence:
        """The evidence, where that of context k is the transformation's own reading."""

    @abc.abstractmethod
    def told(self, evidence: Evidence, k: int) -> Array:
        """What a network of the set may know of the transformation: [N, T]."""

    def undone(
        self, networks: Networks, features: Array, x: Array, context: Array, ctx: ApplyContext
    ) -> Array:
        """Features [N, F] for z, of items x [N, *X] as they are without the transformation."""
        return features

    @abc.abstractmethod
    def summary(self, networks: Networks, context: Array) -> Array:
        """What z's networks see of contexts [N, C]: [N, S]."""

    @abc.abstractmethod
    def decoded(self, context: Array) -> Array:
        """What the decoder sees of contexts [N, C]: [N, D]."""

    def parameter_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What the decoder must put out for parameters of this shape."""
        return shape

    def apply(
        self, networks: Networks, outputs: Array, context: Array, shape: tuple[int, ...]
    ) -> Array:
        """Outputs [N, *parameter_shape(shape)], transformed by contexts [N, C]: [N, *shape]."""
        return outputs


@dataclass(frozen=True)
class NoAction(Action):
    """A context whose effect is learned."""

    transforms: ClassVar[bool] = False

    def evidence(
        self,
        networks: Networks,
        evidence: Evidence,
        k: int,
        reading: Array | None,
        pose: Array | None,
    ) -> Evidence:
        return evidence

    def told(self, evidence: Evidence, k: int) -> Array:
        return _nothing(evidence.features)

    def summary(self, networks: Networks, context: Array) -> Array:
        return context

    def decoded(self, context: Array) -> Array:
        return context


@dataclass(frozen=True)
class Rotation(Action):
    """A rotation about the centre of a square image, by a distribution over 64 angles.

    The encoder is an ``EquivariantEncoder``, whose pose is the evidence; z is read from the image
    rotated back. z sees how concentrated the angle is and not which it is.
    """

    upright_encoder: DenseEncoder = field(default_factory=DenseEncoder)
    """Of the image rotated back, for z."""

    def networks(self, sizes: Sizes) -> Networks:
        return {"reading": AngleReading(), "upright_encoder": self.upright_encoder.network(sizes)}

    def check(self, sizes: Sizes) -> None:
        require_square(sizes.event_shape, "Rotation")
        if sizes.context_dim < ANGLE_DIM:
            raise InputError(
                f"context_dim must be at least {ANGLE_DIM} for a Rotation: got {sizes.context_dim}"
            )

    def evidence(
        self,
        networks: Networks,
        evidence: Evidence,
        k: int,
        reading: Array | None,
        pose: Array | None,
    ) -> Evidence:
        assert evidence.experts is not None and pose is not None
        return evidence._replace(experts=angle_experts(evidence.experts, k, pose))

    def told(self, evidence: Evidence, k: int) -> Array:
        assert evidence.experts is not None
        return evidence.experts.mean[:, k, :ANGLE_DIM]

    def undone(
        self, networks: Networks, features: Array, x: Array, context: Array, ctx: ApplyContext
    ) -> Array:
        upright = turned_back(x, networks["reading"](context))
        return self.upright_encoder.read(networks["upright_encoder"], upright, ctx).features

    def summary(self, networks: Networks, context: Array) -> Array:
        return concentration(networks["reading"](context))

    def decoded(self, context: Array) -> Array:
        return _nothing(context)

    def parameter_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        require_square(shape, "Rotation of a likelihood's parameters")
        return (len(harmonic_basis(shape[0]).pixels),)

    def apply(
        self, networks: Networks, outputs: Array, context: Array, shape: tuple[int, ...]
    ) -> Array:
        return turned_image(outputs, networks["reading"](context), shape[0])


@dataclass(frozen=True)
class Inversion(Action):
    """An image or its negative: the logits times the mean of a sign.

    The reading is a statistic of the image, whether most of it is above 1/2; z sees nothing of
    the sign. For items in [0, 1] under a Bernoulli likelihood.
    """

    def networks(self, sizes: Sizes) -> Networks:
        return {"experts": SignExperts(), "reading": SignReading()}

    def canonical(self, x: Array) -> tuple[Array, Array | None]:
        return folded(x)

    def evidence(
        self,
        networks: Networks,
        evidence: Evidence,
        k: int,
        reading: Array | None,
        pose: Array | None,
    ) -> Evidence:
        assert evidence.experts is not None and reading is not None
        return evidence._replace(experts=networks["experts"](evidence.experts, k, reading))

    def told(self, evidence: Evidence, k: int) -> Array:
        assert evidence.experts is not None
        return evidence.experts.mean[:, k, :1]

    def summary(self, networks: Networks, context: Array) -> Array:
        return _nothing(context)

    def decoded(self, context: Array) -> Array:
        return _nothing(context)

    def apply(
        self, networks: Networks, outputs: Array, context: Array, shape: tuple[int, ...]
    ) -> Array:
        sign = networks["reading"](context)
        return outputs * sign.reshape(sign.shape[0], *(1,) * (outputs.ndim - 1))


def _nothing(rows: Array) -> Array:
    """No features of N rows: [N, 0]."""
    return jnp.zeros((rows.shape[0], 0), rows.dtype)
