"""A perfect model of images that carry their own labels: no training, no oracle, no compiling."""

import numpy as np

from cal_jax.data.digit_sets import factor_sets
from cal_jax.evaluation.generation_scores import RealSets, generate
from cal_jax.inference.sample import GeneratedSet
from experiments.common.image_sets import real_sets
from experiments.common.known_labels import Drawn

SETS, ITEMS, SIDE, SCALE = 200, 5, 4, 16


def image(values):
    """Grey images [..., 4, 4] that hold the values [..., K] of their factors."""
    x = np.zeros((*values.shape[:-1], SIDE, SIDE), np.float32)
    x[..., 0, : values.shape[-1]] = values / SCALE
    return x


class IdealSampler:
    """Generates what is asked for, in the manner of ``cal_jax.inference.sampler.Sampler``."""

    def __init__(self, config):
        self.config = config
        self.num_factors = len(config.factors.names)
        self.asked = []

    def read(self, x):
        """What an oracle reads: the values of the factors."""
        return np.rint(x[..., 0, : self.num_factors] * SCALE).astype(int)

    def draw_sets(self, mix, seed=(), *, allowed=None):
        """As ``image_sets.evaluation_sets`` from its mix on."""
        sets = factor_sets(
            np.random.default_rng((7, *seed)),
            np.repeat(np.arange(10), ITEMS),
            self.config.factors.other_sizes,
            num_sets=SETS,
            set_size=ITEMS,
            mix=mix,
            allowed=self.config.allowed if allowed is None else allowed,
        )
        return RealSets(image(sets.factors), sets.factors), sets.labels

    def unconditional(self, key, a, num_sets):
        label = tuple(map(int, a))
        self.asked.append(label)
        x = self.draw_sets(((label, 1),), label)[0].x[:num_sets]
        return GeneratedSet(x, x)

    def conditional(self, key, x, a):
        return GeneratedSet(x, x)

    def synthesise(self, key, x, labels):
        sources = self.read(x)[:, :, 0]  # [M, R, K]
        values = np.einsum("mrk,rk->mk", sources, labels).astype(int)
        made = image(np.repeat(values[:, None], ITEMS, axis=1))
        return GeneratedSet(made, made)

    def drawn(self, key):
        """What an experiment's own scores and figures are made from."""
        real = real_sets(self.draw_sets, self.num_factors)
        return Drawn(self, key, real, generate(self, key, real), self.draw_sets)
