"""Sampling of items from a neural statistician (thesis 5.1.2); pure."""

import jax
from jax import Array

from cal_jax.distributions import sample
from cal_jax.errors import InputError
from cal_jax.inference.sample import GeneratedSet
from cal_jax.objectives.checks import layers_of
from cal_jax.objectives.protocols import NeuralStatisticianGenerative, NeuralStatisticianInference


def generate_items(
    key: Array,
    generative: NeuralStatisticianGenerative,
    c: Array,
    num_items: int,
    *,
    layers: int | None = None,
) -> GeneratedSet:
    """Items given a context: z_1 from c, each z_l from z_(l-1) and c, then x (5.9).

    Args:
      key: a PRNG key.
      generative: see ``cal_jax.objectives.protocols``.
      c: [C], from p(c), or q(c | D) to generate more of D.
      num_items: N.
      layers: L; None: the model's.

    Raises:
      InputError: fewer than one item or layer, or layers other than the model's.
    """
    if num_items < 1:
        raise InputError(f"num_items: {num_items}; accepted: 1 or more")
    layers = layers_of(generative, layers)
    zs: tuple[Array, ...] = ()
    for layer in range(layers):
        prior = generative.latent_prior(layer, zs[-1] if zs else None, c)
        shape = () if prior.batch_shape else (num_items,)
        zs = (*zs, sample(prior, jax.random.fold_in(key, layer), shape))
    likelihood = generative.likelihood(zs, c)
    return GeneratedSet(sample(likelihood, jax.random.fold_in(key, layers)), likelihood.mean())


def more_items(
    key: Array,
    generative: NeuralStatisticianGenerative,
    inference: NeuralStatisticianInference,
    x: Array,
) -> GeneratedSet:
    """As many new items as a data set has, from the mean of its context and z_1 of the prior.

    Args:
      key: a PRNG key.
      generative, inference: of one stochastic layer.
      x: [N, *X].
    """
    c = inference.context(inference.encode(x), None).mean()
    return generate_items(key, generative, c, x.shape[0])


def transferred_items(
    key: Array,
    generative: NeuralStatisticianGenerative,
    inference: NeuralStatisticianInference,
    content: Array,
    style: Array,
) -> GeneratedSet:
    """The context of one data set and the z of each item of another, at their posterior means.

    Args:
      key: a PRNG key, of the likelihood's sample.
      generative, inference: of one stochastic layer.
      content: [M, *X], the set that gives the context.
      style: [N, *X], the set that gives the latents.
    """
    c = inference.context(inference.encode(content), None).mean()
    z = inference.latent(0, inference.encode(style), None, c).mean()
    likelihood = generative.likelihood((z,), c)
    return GeneratedSet(sample(likelihood, key), likelihood.mean())
