"""One-dimensional sets from four families of distributions (thesis section 5.3.1).

Shape letters: M sets, N items in a set; an item is one number.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np

from cal_jax.errors import InputError

FAMILIES = ("mixture of Gaussians", "Laplacian", "exponential", "reverse exponential")
"""The families, in the order of ``SyntheticSets.family``."""

MIXTURE, LAPLACIAN, EXPONENTIAL, REVERSE_EXPONENTIAL = range(4)
MEAN_RANGE = (-1.0, 1.0)
VARIANCE_RANGE = (0.5, 2.0)
MIXTURE_OFFSET = 0.9
"""Distance of each Gaussian of the mixture from the mean, in standard deviations."""

Generator = Literal["population", "author"]
GENERATORS = get_args(Generator)


class SyntheticSets(NamedTuple):
    """M sets of N items, and the distribution that each was drawn from."""

    x: np.ndarray
    """float32 [M, N, 1]."""
    family: np.ndarray
    """int32 [M]: an index of ``FAMILIES``."""
    mean: np.ndarray
    """float32 [M]: the mean of the distribution, not of the items drawn."""
    variance: np.ndarray
    """float32 [M]: the variance of the distribution, not of the items drawn."""


def sets_of_test(
    test_seed: int,
    num_sets: int,
    set_size: int,
    *,
    generator: Generator = "population",
    stream: int = 1,
) -> SyntheticSets:
    """Test sets shared by all models, independent of every seed's training sets.

    Args:
        test_seed: 0 or more; independent of run seeds, even if equal.
        num_sets: see ``synthetic_sets``.
        set_size: see ``synthetic_sets``.
        generator: see ``synthetic_sets``.
        stream: index of an independent collection of the test seed.

    Returns:
        As ``synthetic_sets``.
    """
    rng = np.random.default_rng((test_seed, stream))
    return synthetic_sets(rng, num_sets, set_size, generator=generator)


def synthetic_sets(
    rng: np.random.Generator,
    num_sets: int,
    set_size: int,
    *,
    generator: Generator = "population",
) -> SyntheticSets:
    """Draw sets, each from one family with its own mean and variance.

    The family is uniform, m ~ U[-1, 1] and v ~ U[0.5, 2] (thesis 5.3.1).

    "population" is the thesis as written: every family has mean m and variance v. The
    mixture is two equal Gaussians at m +- 0.9 standard deviations.

    "author" follows the author's public code, in which m and v are parameters and not
    always moments. Mixture: half of the items from each of N(+-(1 + |m|), (v / 2)^2).
    Laplacian: location m, scale v. Exponentials: every set is standardised, so that the
    mean and variance of its items are m and v exactly, and its items are not independent.

    Args:
        rng: of everything drawn; its state alone decides the result.
        num_sets: M, at least 1.
        set_size: N, at least 1; at least 2 for "author", which standardises sets.
        generator: "population" or "author".

    Raises:
        InputError: ``num_sets`` or ``set_size`` too small, an unknown ``generator``.
    """
    if generator not in GENERATORS:
        raise InputError(f"generator {generator!r}; accepted: {', '.join(GENERATORS)}")
    if num_sets < 1:
        raise InputError(f"num_sets {num_sets}; accepted: 1 or more")
    smallest = 2 if generator == "author" else 1
    if set_size < smallest:
        raise InputError(
            f"set_size {set_size}; accepted: {smallest} or more for generator {generator!r}"
        )
    family = rng.integers(len(FAMILIES), size=num_sets)
    m = rng.uniform(*MEAN_RANGE, num_sets)
    v = rng.uniform(*VARIANCE_RANGE, num_sets)
    draw = _population if generator == "population" else _author
    x, mean, variance = draw(rng, family, m, v, set_size)
    return SyntheticSets(
        x[..., None].astype(np.float32),
        family.astype(np.int32),
        mean.astype(np.float32),
        variance.astype(np.float32),
    )


def _population(
    rng: np.random.Generator, family: np.ndarray, m: np.ndarray, v: np.ndarray, set_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items [M, N] of mean m and variance v, and these moments."""
    shape = (len(family), set_size)
    signs = rng.choice([-1.0, 1.0], size=shape)
    mixture = MIXTURE_OFFSET * signs + np.sqrt(1 - MIXTURE_OFFSET**2) * rng.normal(size=shape)
    laplacian = rng.laplace(scale=np.sqrt(0.5), size=shape)
    exponential = rng.exponential(size=shape) - 1
    standard = np.stack([mixture, laplacian, exponential, -exponential])
    x = m[:, None] + np.sqrt(v)[:, None] * standard[family, np.arange(len(family))]
    return x, m, v


def _author(
    rng: np.random.Generator, family: np.ndarray, m: np.ndarray, v: np.ndarray, set_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items [M, N], and the mean and variance of their distributions."""
    shape = (len(family), set_size)
    halves = np.where(np.arange(set_size) < set_size // 2, -1.0, 1.0)
    signs = rng.permuted(np.broadcast_to(halves, shape), axis=1)
    centre = 1 + np.abs(m)
    mixture = signs * centre[:, None] + 0.5 * v[:, None] * rng.normal(size=shape)
    laplacian = m[:, None] + v[:, None] * rng.laplace(size=shape)
    draws = rng.exponential(size=shape)
    standard = (draws - draws.mean(1, keepdims=True)) / draws.std(1, keepdims=True)
    offset, scale = m[:, None], np.sqrt(v)[:, None]
    x = np.stack([mixture, laplacian, offset + scale * standard, offset - scale * standard])
    mean = np.stack([np.zeros_like(m), m, m, m])
    variance = np.stack([centre**2 + (0.5 * v) ** 2, 2 * v**2, v, v])
    sets = np.arange(len(family))
    return x[family, sets], mean[family, sets], variance[family, sets]
