"""The two models of the study and what each says of an image, of a run and of two sources.

Shape letters: I items, R runs, V classes, M pairs, N items of a source, H x W pixels.
"""

import functools
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.omniglot_runs import OneShotRuns
from cal_jax.data.set_samplers import SetSampler, device_sampler
from cal_jax.data.warp import WarpRange, warp_images
from cal_jax.evaluation.constant_posteriors import Moments, constant_moments
from cal_jax.evaluation.predictive import predictive_log_likelihoods
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import Sampler, in_batches
from cal_jax.inference.statistician import transferred_items
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.group_vae import GroupVAE
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.training.config import Objective
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import known_masks
from cal_jax.training.step import DataSet
from experiments.omniglot.config import CONTEXTS, OmniglotConfig
from experiments.omniglot.images import turned as turned_images

CHARACTER = np.asarray([1.0, 0.0], np.float32)
"""The mask of sets that share a character."""


class TrainedModel(Protocol):
    """A trained model of either kind."""

    def moments(self, images: np.ndarray) -> Moments:
        """Of the character's context given each image [I, H, W] alone: [I, C]."""

    def log_likelihoods(self, key: jax.Array, runs: OneShotRuns) -> np.ndarray | None:
        """log p(query | context of the class's image) [R, V, V], nats; None: not known."""

    def synthesise(self, key: jax.Array, characters: np.ndarray, hands: np.ndarray) -> np.ndarray:
        """Decoder means [M, N, H, W], of sources [M, N, H, W] that share one factor each."""


class Learner(NamedTuple):
    """A trained context-aware learner."""

    model: ContextAwareLearner
    variables: Variables
    samples: tuple[int, int]
    """Of log p(x_new | context): contexts, latents."""

    def moments(self, images: np.ndarray) -> Moments:
        """See ``TrainedModel``."""
        sets, one = images[:, None], np.ones(1, np.float32)
        found = constant_moments(self.model, self.variables, sets, CHARACTER, one)
        return found.of((slice(None), 0))

    def log_likelihoods(self, key: jax.Array, runs: OneShotRuns) -> np.ndarray:
        """See ``TrainedModel``: hand and z are integrated by importance sampling."""
        shape = runs.classes.shape
        given = runs.classes.reshape(-1, 1, *shape[2:])
        asked = np.repeat(runs.queries, shape[1], axis=0)  # every class meets all queries
        contexts, latents = self.samples
        found = predictive_log_likelihoods(
            self.model,
            self.variables,
            key,
            given,
            asked,
            CHARACTER,
            np.ones(1, np.float32),
            contexts=contexts,
            latents=latents,
        )
        return found.reshape(shape[0], shape[1], shape[1]).swapaxes(1, 2)

    def synthesise(self, key: jax.Array, characters: np.ndarray, hands: np.ndarray) -> np.ndarray:
        """See ``TrainedModel``: z is drawn from its prior."""
        sampler = Sampler(self.model, self.variables, characters.shape[1])
        sources = np.stack([characters, hands], axis=1)
        return np.asarray(sampler.synthesise(key, sources, np.eye(2, dtype=np.float32)).means)


class Statistician(NamedTuple):
    """A trained neural statistician of sets that share a character."""

    model: GroupVAE
    variables: Variables

    def moments(self, images: np.ndarray) -> Moments:
        """See ``TrainedModel``."""
        found: Moments = in_batches(
            functools.partial(_contexts(self.model), self.variables), images[:, None]
        )
        return found

    def log_likelihoods(self, key: jax.Array, runs: OneShotRuns) -> None:
        """Edwards & Storkey (2017, 5.4) classify by the KL of contexts alone."""

    def synthesise(self, key: jax.Array, characters: np.ndarray, hands: np.ndarray) -> np.ndarray:
        """See ``TrainedModel``: the context of one source, z of each item of the other."""
        keys = jax.random.split(key, len(characters))
        transfer = functools.partial(_transfer(self.model), self.variables)
        return np.asarray(in_batches(transfer, keys, characters, hands).means)


@functools.lru_cache(maxsize=8)
def _contexts(model: GroupVAE) -> Any:
    def one(_: Any, inference: Any, x: jax.Array) -> Moments:
        posterior = inference.context(inference.encode(x), None)
        return Moments(posterior.mean(), jnp.log(posterior.variance()))

    return jax.jit(map_model(one, model))


@functools.lru_cache(maxsize=8)
def _transfer(model: GroupVAE) -> Any:
    def one(
        generative: Any, inference: Any, key: jax.Array, content: jax.Array, style: jax.Array
    ) -> Any:
        return transferred_items(key, generative, inference, content, style)

    return jax.jit(map_model(one, model))


def moments_of_views(
    trained: TrainedModel,
    images: np.ndarray,
    views: int,
    ranges: WarpRange,
    key: jax.Array,
    *,
    turned: bool = False,
) -> Moments:
    """Moments given each image [I, H, W]: [I, C], or [I, 8 C] of its turned and mirrored images.

    Side by side, moments of several views are those of independent contexts: their KLs add up.

    Args:
      trained: the model.
      images: levels 0 to 1.
      views: random warps over which moments are averaged; 0: the image itself alone.
      ranges: of the warps.
      key: of the warps.
      turned: whether the quarter turns and mirror images count too.
    """
    seen = turned_images(images) if turned else [images]
    warp = jax.jit(functools.partial(warp_images, of_all=WarpRange(), of_each=ranges))

    def moments(of_one: np.ndarray) -> Moments:
        if not views:
            return trained.moments(of_one)
        found = [
            trained.moments(np.asarray(warp(one, jnp.asarray(of_one))))
            for one in jax.random.split(key, views)
        ]
        return Moments(*(np.mean(part, axis=0) for part in zip(*found, strict=True)))

    found = [moments(np.ascontiguousarray(one)) for one in seen]
    return Moments(*(np.concatenate(part, axis=-1) for part in zip(*found, strict=True)))


def model_of(config: OmniglotConfig) -> ContextAwareLearner | GroupVAE:
    """The untrained model."""
    event_shape = (config.image_size, config.image_size)
    if isinstance(config.model, ContextAwareConfig):
        return ContextAwareLearner(config.model, event_shape)
    return GroupVAE(config.model, event_shape)


def trained_model(config: OmniglotConfig, model: Any, variables: Variables) -> TrainedModel:
    """The trained model as the study asks it."""
    if isinstance(model, ContextAwareLearner):
        return Learner(model, variables, config.likelihood_samples)
    return Statistician(model, variables)


def objective_of(config: OmniglotConfig) -> Objective:
    """The learner's bound with the contrast of the batch's sets; the statistician's bound."""
    if not isinstance(config.model, ContextAwareConfig):
        return Objective(neural_statistician_elbo)
    return known_masks(
        contrast=config.contrast,
        dependence=config.dependence,
        latent_weight=config.latent_weight,
        half_life=config.weight_half_life,
    )


def sets_of(config: OmniglotConfig, items: FactorDataset) -> FactorSets | SetSampler:
    """Training sets: of both kinds for the learner, of one character for the statistician."""
    if isinstance(config.model, ContextAwareConfig):
        mix = [((1, 0), config.character_sets), ((0, 1), 1.0)]
        return FactorSets(items, set_size=config.set_size, mix=mix)
    of_character = [((1, 0), 1.0)]
    sets = device_sampler(items, CONTEXTS, set_size=config.set_size, mix=of_character)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        x, _ = sets.draw(key, data, row).data
        return DataSet((x,))

    return sets._replace(draw=draw)
