"""Known transformations of items as contexts: rotation, inversion, or none.

An action canonicalises the encoder's input and transforms the decoder's output. z depends on
its context through ``summary`` alone, so z's prior is the same under a transformation unseen
with an item in training.
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
from cal_jax.nn.inversion import SignExperts, SignReading, folded
from cal_jax.nn.rotation import concentration, harmonic_basis, rotated_back, rotated_image


@dataclass(frozen=True)
class Action(abc.ABC):
    """A transformation of items, indexed by the value of one context."""

    transforms: ClassVar[bool] = True
    """False of ``NoAction`` alone."""

    def networks(self, sizes: Sizes) -> Networks:
        """The Flax modules, by name."""
        del sizes
        return {}

    def check(self, sizes: Sizes) -> None:
        """Refuse a model that cannot use the action.

        Raises:
          InputError: then.
        """
        del sizes

    def canonical(self, x: Array) -> tuple[Array, Array | None]:
        """Items x [N, *X] with the transformation inverted, and its estimate [N, R] or None."""
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
        """The evidence with that of context k replaced by the transformation's estimate."""

    @abc.abstractmethod
    def told(self, evidence: Evidence, k: int) -> Array:
        """Transformation features for networks of the set: [N, T]."""

    def undone(
        self, networks: Networks, features: Array, x: Array, context: Array, ctx: ApplyContext
    ) -> Array:
        """Features [N, F] for z, from items x [N, *X] with the transformation inverted."""
        return features

    @abc.abstractmethod
    def summary(self, networks: Networks, context: Array) -> Array:
        """The part of contexts [N, C] that z depends on: [N, S]."""

    @abc.abstractmethod
    def decoded(self, context: Array) -> Array:
        """The part of contexts [N, C] that the decoder takes: [N, D]."""

    def parameter_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The decoder's output shape for likelihood parameters of this shape."""
        return shape

    def apply(
        self, networks: Networks, outputs: Array, context: Array, shape: tuple[int, ...]
    ) -> Array:
        """Outputs [N, *parameter_shape(shape)], transformed by contexts [N, C]: [N, *shape]."""
        return outputs


@dataclass(frozen=True)
class NoAction(Action):
    """A context with a learned effect on the decoder's output."""

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

    The pose of an ``EquivariantEncoder`` is the evidence; z is inferred from the image rotated
    back, and depends on the concentration of the angle, not on its value.
    """

    upright_encoder: DenseEncoder = field(default_factory=DenseEncoder)
    """Encoder of the image rotated back, for z."""

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
        upright = rotated_back(x, networks["reading"](context))
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
        return rotated_image(outputs, networks["reading"](context), shape[0])


@dataclass(frozen=True)
class Inversion(Action):
    """An image or its negative: the logits times the mean of a sign.

    The sign is estimated by whether most of the image is above 1/2; z is independent of it.
    For items in [0, 1] under a Bernoulli likelihood.
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
