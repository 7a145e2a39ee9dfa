"""The context-aware learner as a Flax module (thesis 6.3.1, 6.4.1)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import SUPPORT
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.distributions import Distribution, diagonal_gaussian
from cal_jax.errors import InputError
from cal_jax.models.components.items import require_items
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.defaults import Masks, default_config
from cal_jax.models.context_aware.posteriors import Evidence
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead


class Encoded(NamedTuple):
    """Encoder outputs for the items of a set."""

    evidence: Evidence
    """Of the contexts; its features are invariant to the known transformations."""
    x: Array
    """[N, *X], the encoder's input."""


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
    """One encoder, one posterior and two priors of K contexts, one decoder.

    Thesis 6.3.1's "2K distributions": all are computed, and the mask selects.
    ``inference(ctx)`` and ``generative(ctx)`` bind the networks to one pass over one data set
    (its item mask, and where batch statistics come from) and return the callables of
    ``objectives.protocols``.
    """

    config: ContextAwareConfig
    event_shape: tuple[int, ...]
    """X, the shape of an item."""

    @classmethod
    def for_data(
        cls, data: FactorDataset, contexts: Sequence[str], masks: Masks = "known", **choices: Any
    ) -> "ContextAwareLearner":
        """A learner with components chosen by the data: see ``defaults.default_config``.

        Args:
          data: the items that it will be trained on.
          contexts: names of factors, one a context.
          masks: known, or inferred for unlabelled sets.
          choices: fields of ``ContextAwareConfig`` that override the defaults.

        Raises:
          InputError: no such factor, or components that do not fit the items.
        """
        config = default_config(data, contexts, masks, **choices)
        config.sizes(data.event_shape)
        return cls(config, data.event_shape)

    def setup(self) -> None:
        """Build the networks of every component."""
        c, sizes = self.config, self.config.sizes(self.event_shape)
        self.encoder = c.encoder.network(sizes)
        self.decoder = c.decoder.network(c.decoder_shape(self.event_shape), sizes)
        self.actions = [context.action.networks(sizes) for context in c.contexts]
        self.posterior = c.posterior.networks(sizes)
        self.latent_trunk, self.latent_head = sizes.mlp(), GaussianHead((c.latent.dim,))
        self.constant_prior = c.constant_prior.networks(sizes.contexts, sizes)
        self.varying_prior = c.varying_prior.networks(sizes.contexts, sizes)
        self.latent_prior = c.latent.prior.networks((c.latent.dim,), sizes)
        self.label_network = None if c.labels is None else c.labels.network(sizes)

    def inference(self, ctx: ApplyContext = EVALUATION) -> Inference:
        """The approximate posterior, bound to one pass over one data set."""
        c = self.config

        def encode(x: Array) -> Encoded:
            require_items(x, self.event_shape)
            x, readings = c.likelihood.network_input(x), []
            for context in c.contexts:
                x, reading = context.action.canonical(x)
                readings.append(reading)
            features, pose = c.encoder.read(self.encoder, x, ctx)
            evidence = c.posterior.evidence(self.posterior, features, ctx)
            for k, (networks, reading) in enumerate(zip(self.actions, readings, strict=True)):
                action = c.contexts[k].action
                evidence = action.evidence(networks, evidence, k, reading, pose)
            return Encoded(evidence, x)

        def constant_contexts(h: Encoded, a: Array, mask: Array | None) -> Distribution:
            del a  # each head is used only where its context is constant
            return c.posterior.constant(self.posterior, h.evidence, ctx._replace(mask=mask))

        def varying_contexts(h: Encoded, constants: Array, a: Array) -> Distribution:
            return c.posterior.varying(self.posterior, h.evidence, constants, a, ctx)

        def latent(h: Encoded, contexts: Array) -> Distribution:
            features = h.evidence.features
            for k, networks in enumerate(self.actions):
                action = c.contexts[k].action
                features = action.undone(networks, features, h.x, contexts[:, k], ctx)
            trunk = self.latent_trunk(ctx, features, self._summary(contexts))
            return diagonal_gaussian(*self.latent_head(trunk))

        def labels(h: Encoded, mask: Array | None) -> Array:
            if c.labels is None or self.label_network is None:
                raise InputError("config.labels is None: the model has no label network")
            told = [context.action.told(h.evidence, k) for k, context in enumerate(c.contexts)]
            read = c.labels.read(h.evidence, told)
            return self.label_network(read, ctx._replace(mask=mask))

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
        c, of_set = self.config, ctx.of_the_set()
        shape = (c.num_contexts, c.context_dim)

        def constant_prior(a: Array) -> Distribution:
            seen = {"nothing": (), "mask": (a,)}[c.constant_prior.sees]
            return c.constant_prior(self.constant_prior, shape, of_set, *seen)

        def varying_prior(constants: Array, a: Array) -> Distribution:
            seen = {"nothing": (), "constants": (constants.reshape(-1), a)}[c.varying_prior.sees]
            return c.varying_prior(self.varying_prior, shape, of_set, *seen)

        def latent_prior(contexts: Array) -> Distribution:
            batch = (contexts.shape[0], c.latent.dim)
            seen = {"nothing": (), "contexts": (self._summary(contexts),)}[c.latent.prior.sees]
            return c.latent.prior(self.latent_prior, batch, ctx, *seen)

        def likelihood(z: Array, contexts: Array) -> Distribution:
            decoded = [x.action.decoded(contexts[:, k]) for k, x in enumerate(c.contexts)]
            outputs = self.decoder(ctx, z, jnp.concatenate(decoded, axis=-1))
            parameters = c.likelihood.parameter_shape(self.event_shape)
            for k, networks in enumerate(self.actions):
                action = c.contexts[k].action
                outputs = action.apply(networks, outputs, contexts[:, k], parameters)
            return c.likelihood(outputs, len(self.event_shape))

        return Generative(constant_prior, varying_prior, latent_prior, likelihood)

    def _summary(self, contexts: Array) -> Array:
        """The part of contexts [N, K, C] that z depends on, one vector an item."""
        each = [
            context.action.summary(networks, contexts[:, k])
            for k, (context, networks) in enumerate(
                zip(self.config.contexts, self.actions, strict=True)
            )
        ]
        return jnp.concatenate(each, axis=-1)
