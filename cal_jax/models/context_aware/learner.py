"""The context-aware learner as a Flax module (thesis 6.3.1, 6.4.1)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import SUPPORT
from cal_jax.distributions import Distribution, bernoulli, diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.parts import (
    image_networks,
    posterior_head,
    posterior_of,
    rich_prior,
    rich_prior_of,
    statistic_network,
    subnetwork,
)
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead, LearnedGaussian
from cal_jax.nn.equivariant import ANGLE_DIM, AngleReading, angle_experts
from cal_jax.nn.experts import ExpertNetwork, Experts, each_expert, product_of_experts
from cal_jax.nn.fully_connected import DenseEncoder
from cal_jax.nn.inverting import SignExperts, SignReading, folded
from cal_jax.nn.label import LabelNetwork
from cal_jax.nn.turning import concentration, turned_back, turned_image


class Encoded(NamedTuple):
    """What the inference networks know of the items of a set."""

    features: Array
    """[N, F], which know nothing of an angle or a sign where a context stands for it."""
    experts: Experts | None
    """On every context; None where no posterior uses them."""
    drawn: Array
    """For z: the features, or the images [N, H, W], where a context turns them back first."""


class Inference(NamedTuple):
    """q(c, z, a | D): see ``objectives.protocols.LabelInference``."""

    encode: Callable[[Array], Encoded]
    constant_contexts: Callable[[Encoded, Array, Array | None], Distribution]
    varying_contexts: Callable[[Encoded, Array, Array], Distribution]
    latent: Callable[[Encoded, Array], Distribution]
    labels: Callable[[Encoded, Array | None], Array]
    over_labels: Callable[[Callable[..., Any], Array], Any]


class Generative(NamedTuple):
    """p(x, z, c | a): see ``objectives.protocols.ContextAwareGenerative``."""

    constant_prior: Callable[[Array], Distribution]
    varying_prior: Callable[[Array, Array], Distribution]
    latent_prior: Callable[[Array], Distribution]
    likelihood: Callable[[Array, Array], Distribution]


class ContextAwareLearner(nn.Module):
    """One image encoder, one statistic trunk, one varying trunk, K heads on each.

    Thesis 6.3.1's "2K distributions": all are computed, and the masks select.
    ``inference(ctx)`` and ``generative(ctx)`` bind the networks to one pass
    over one data set (its item mask, and where batch statistics come from)
    and return the callables of ``objectives.protocols``.
    """

    config: ContextAwareConfig

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        contexts = (c.num_contexts, c.context_dim)
        latent = (c.latent_dim,)
        narrow = subnetwork(c, c.inference_width)
        self.encoder, self.decoder = image_networks(c)
        if c.turning_context is not None:
            self.angle_reading = AngleReading()
            self.upright_encoder = DenseEncoder(c.dense_width, c.depth, c.norm, c.skip)
        if c.inverting_context is not None:
            self.sign_experts = SignExperts(c.inverting_context)
            self.sign_reading = SignReading()
        if c.constant_posterior == "experts":
            self.experts = ExpertNetwork(contexts, c.statistic_width, c.depth, c.norm, c.skip)
        else:
            self.statistic, self.constant_head = statistic_network(c), posterior_head(c)
        if not c.tied:
            self.varying_trunk, self.varying_head = narrow(), posterior_head(c)
        self.latent_trunk, self.latent_head = narrow(), GaussianHead(latent)
        if c.context_prior != "standard":
            if c.prior_sees_constants:
                self.varying_prior_trunk = narrow()
            if c.prior_sees_label:
                self.constant_prior_trunk = narrow()
        if c.context_prior in ("mixture", "flow"):
            self.constant_prior_network, self.varying_prior_network = rich_prior(c), rich_prior(c)
        elif c.context_prior == "learned":
            if c.prior_sees_constants:
                self.varying_prior_head = GaussianHead(contexts)
            else:
                self.varying_prior_parameters = LearnedGaussian(contexts)
            if c.prior_sees_label:
                self.constant_prior_head = GaussianHead(contexts)
            else:
                self.constant_prior_parameters = LearnedGaussian(contexts)
        if c.num_labels > 0:
            self.label = LabelNetwork(
                c.num_labels, c.label_pre_width, c.label_post_width, c.depth, c.norm, c.skip
            )
        if c.latent_prior == "learned":
            self.latent_prior_trunk, self.latent_prior_head = narrow(), GaussianHead(latent)

    def inference(self, ctx: ApplyContext = EVALUATION) -> Inference:
        """The approximate posterior, bound to one pass over one data set."""

        tied, turning = self.config.tied, self.config.turning_context
        inverting = self.config.inverting_context

        def encode(x: Array) -> Encoded:
            images, signs = (x, None) if inverting is None else folded(x)
            read = self.encoder(images, ctx)
            features = read if turning is None else read.features
            with_experts = self.config.constant_posterior == "experts"
            experts = self.experts(features, ctx) if with_experts else None
            if experts is not None and turning is not None:
                experts = angle_experts(experts, turning, read.angle)
            if experts is not None and signs is not None:
                experts = self.sign_experts(experts, signs)
            return Encoded(features, experts, features if turning is None else images)

        def constant_contexts(h: Encoded, a: Array, mask: Array | None) -> Distribution:
            del a  # each head is in use only where its context is constant
            if h.experts is not None:
                return diagonal_gaussian(*product_of_experts(h.experts, mask))
            statistic = self.statistic(h.features, ctx._replace(mask=mask))
            return posterior_of(self.constant_head(statistic))

        def varying_contexts(h: Encoded, constants: Array, a: Array) -> Distribution:
            if tied and h.experts is not None:
                return diagonal_gaussian(*each_expert(h.experts))
            trunk = self.varying_trunk(ctx, h.features, constants.reshape(-1), a)
            return posterior_of(self.varying_head(trunk))

        def latent(h: Encoded, contexts: Array) -> Distribution:
            drawn = h.drawn
            if turning is not None:
                drawn = self.upright_encoder(turned_back(drawn, self._angles(contexts)), ctx)
            trunk = self.latent_trunk(ctx, drawn, self._seen_by_latent(contexts))
            return diagonal_gaussian(*self.latent_head(trunk))

        def labels(h: Encoded, mask: Array | None) -> Array:
            if self.config.num_labels == 0:
                raise InputError("num_labels is 0: the model has no label network; accepted is M")
            known = [h.features]
            if h.experts is not None and turning is not None:
                known.append(h.experts.mean[:, turning, :ANGLE_DIM])
            if h.experts is not None and inverting is not None:
                known.append(h.experts.mean[:, inverting, :1])
            return self.label(jnp.concatenate(known, axis=-1), ctx._replace(mask=mask))

        def over_labels(function: Callable[..., Any], support: Array) -> Any:
            axes = None if ctx.axes is None else (*ctx.axes, SUPPORT)
            of_label = ctx._replace(axes=axes)

            def bound(module: "ContextAwareLearner", a: Array) -> Any:
                return function(module.generative(of_label), module.inference(of_label), a)

            shared: dict[Any, Any] = {"params": None, "batch_stats": None}
            mapped = nn.vmap(
                bound, variable_axes=shared, split_rngs={"params": False}, axis_name=SUPPORT
            )
            return mapped(self, support)

        return Inference(encode, constant_contexts, varying_contexts, latent, labels, over_labels)

    def generative(self, ctx: ApplyContext = EVALUATION) -> Generative:
        """The generative model, bound to one pass over one data set."""
        c = self.config
        contexts_shape = (c.num_contexts, c.context_dim)

        def constant_prior(a: Array) -> Distribution:
            if c.context_prior == "standard":
                return standard_gaussian(contexts_shape)
            label = (self.constant_prior_trunk(ctx.of_the_set(), a),) if c.prior_sees_label else ()
            if c.context_prior != "learned":
                return rich_prior_of(self.constant_prior_network(*label))
            if label:
                return diagonal_gaussian(*self.constant_prior_head(*label))
            return diagonal_gaussian(*self.constant_prior_parameters())

        def varying_prior(constants: Array, a: Array) -> Distribution:
            if c.context_prior == "standard":
                return standard_gaussian(contexts_shape)
            seen: tuple[Array, ...] = ()
            if c.prior_sees_constants:
                seen = (self.varying_prior_trunk(ctx.of_the_set(), constants.reshape(-1), a),)
            if c.context_prior != "learned":
                return rich_prior_of(self.varying_prior_network(*seen))
            if seen:
                return diagonal_gaussian(*self.varying_prior_head(*seen))
            return diagonal_gaussian(*self.varying_prior_parameters())

        def latent_prior(contexts: Array) -> Distribution:
            if c.latent_prior == "standard":
                return standard_gaussian((contexts.shape[0], c.latent_dim))
            trunk = self.latent_prior_trunk(ctx, self._seen_by_latent(contexts))
            return diagonal_gaussian(*self.latent_prior_head(trunk))

        def likelihood(z: Array, contexts: Array) -> Distribution:
            logits = self.decoder(ctx, z, _flat(contexts, c.acting_contexts))
            if c.turning_context is not None:
                logits = turned_image(logits, self._angles(contexts), c.image_size)
            if c.inverting_context is not None:
                sign = self.sign_reading(contexts[:, c.inverting_context])
                logits = logits * sign[:, :, None]
            return bernoulli(logits, event_ndims=2)

        return Generative(constant_prior, varying_prior, latent_prior, likelihood)

    def _angles(self, contexts: Array) -> Array:
        """The probabilities of each item's angle, [N, ANGLES]."""
        return self.angle_reading(contexts[:, self.config.turning_context])

    def _seen_by_latent(self, contexts: Array) -> Array:
        """What z's networks know of the contexts [N, K, C], as one vector an item.

        Nothing of the one that inverts. Of the one that turns, how sure its angle is and
        not which it is: what is drawn is then as probable at an angle at which it was
        never seen.
        """
        others = _flat(contexts, self.config.acting_contexts)
        if self.config.turning_context is None:
            return others
        return jnp.concatenate([others, concentration(self._angles(contexts))], axis=-1)


def _flat(contexts: Array, absent: tuple[int, ...] = ()) -> Array:
    """Contexts [N, K, C] but the absent ones, as one vector an item."""
    if absent:  # models without them gather nothing
        contexts = jnp.stack(
            [contexts[:, k] for k in range(contexts.shape[1]) if k not in absent], axis=1
        )
    return contexts.reshape(contexts.shape[0], -1)
