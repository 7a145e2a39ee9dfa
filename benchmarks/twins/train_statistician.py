"""Trains and evaluates a statistician's twin, for ``benchmarks.statistician_twin``."""

import argparse
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.twins import program
from benchmarks.twins.author_statistician import AuthorStatistician
from benchmarks.twins.statistician_bound import Noise, statistician_bound
from benchmarks.twins.torch_statistician import TorchStatistician
from cal_jax.cli import program as command_line
from cal_jax.data.synthetic import GENERATORS, SyntheticSets, sets_of_test, synthetic_sets
from cal_jax.errors import InputError
from cal_jax.metrics.neighbours import knn_accuracy, knn_r2
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, RATIO, Score
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from experiments.common.run import TEST_SEED

ARCHITECTURES: dict[str, Callable[[NeuralStatisticianConfig, tuple[int, ...]], Any]] = {
    "author": AuthorStatistician,
    "thesis": TorchStatistician,
}
SAMPLES = 4
EVALUATION_BATCH = 50
CLIP = 0.5


def measure(flags: argparse.Namespace) -> None:
    """Train, evaluate and publish."""
    command_line.require_packages("sklearn")
    program.start(flags)
    if flags.width < 1:
        raise InputError(f"--width {flags.width}; accepted: 1 or more")
    config = NeuralStatisticianConfig(hidden=Hidden(flags.width))
    sizes = {"set_size": flags.set_size, "generator": flags.generator}
    train_sets = synthetic_sets(np.random.default_rng(flags.seed), flags.sets, **sizes)
    test_sets = sets_of_test(flags.test_seed, flags.test_sets, **sizes)
    model = ARCHITECTURES[flags.architecture](config, (1,))
    noise = functools.partial(
        Noise.draw,
        context_dim=config.context_dim,
        latent_dim=config.latent_dim,
        layers=config.layers,
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = torch.from_numpy(train_sets.x)

    def step(epoch: int, rows: np.ndarray) -> float:
        x = data[rows]

        def loss_and_elbo() -> tuple[Tensor, Tensor]:
            bound = statistician_bound(model, x, noise(x))
            loss = -bound.weighted(omega(epoch)).mean() / flags.set_size
            return loss, bound.elbo.mean() / flags.set_size

        return step_or_skip(model, optimiser, loss_and_elbo)

    training = program.train(flags, flags.sets, step)
    model.eval()
    program.publish(
        flags,
        preset=flags.architecture,
        scores={
            **_bound_per_item(model, noise, torch.from_numpy(test_sets.x)),
            **_context_scores(model, train_sets, test_sets),
        },
        data={
            "name": f"synthetic, {flags.generator} moments",
            "fingerprint": f"test seed {flags.test_seed}",
        },
        training=training,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def omega(epoch: int) -> float:
    """1 + alpha of (5.14); alpha starts at 1 and is halved after each epoch."""
    return 1.0 + 0.5**epoch


def step_or_skip(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    loss_and_elbo: Callable[[], tuple[Tensor, Tensor]],
) -> float:
    """One clipped step; the bound, or NaN where a gradient is not finite and nothing changes.

    Variances overflow for outliers under some of the author's initial weights, whose code
    would then keep NaN for ever. Running averages are put back too.
    """
    averages = [buffer.clone() for buffer in model.buffers()]
    loss, elbo = loss_and_elbo()
    optimiser.zero_grad()
    loss.backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    if not all(gradient.isfinite().all() for gradient in gradients if gradient is not None):
        for buffer, before in zip(model.buffers(), averages, strict=True):
            buffer.copy_(before)
        return math.nan
    torch.nn.utils.clip_grad_value_(model.parameters(), CLIP)
    optimiser.step()
    return elbo.item()


@torch.no_grad()
def _bound_per_item(model: Any, noise: Any, x: Tensor) -> dict[str, Score]:
    totals = torch.zeros(2, dtype=torch.float64)
    for batch in x.split(EVALUATION_BATCH):
        for _ in range(SAMPLES):
            bound = statistician_bound(model, batch, noise(batch))
            totals += torch.stack([term.double().sum() for term in bound])
    reconstruction, kl = (totals / (SAMPLES * x.shape[0] * x.shape[1])).tolist()
    found = {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
    return {f"{name}_per_item": Score(nats, None, NATS_PER_ITEM) for name, nats in found.items()}


@torch.no_grad()
def _context_scores(model: Any, train: SyntheticSets, test: SyntheticSets) -> dict[str, Score]:
    train_means, test_means = (_context_means(model, sets.x) for sets in (train, test))
    family = knn_accuracy(train_means, train.family, test_means, test.family)
    mean = knn_r2(train_means, train.mean, test_means, test.mean)
    variance = knn_r2(train_means, train.variance, test_means, test.variance)
    return {
        "family_knn": Score(family, None, FRACTION),
        "r2_population_mean": Score(mean, None, RATIO),
        "r2_population_variance": Score(variance, None, RATIO),
    }


def _context_means(model: Any, x: np.ndarray) -> np.ndarray:
    batches = torch.from_numpy(x).split(EVALUATION_BATCH)
    return torch.cat([model.context(batch).mean for batch in batches]).numpy()


def parse(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The program's flags, parsed."""
    parser = program.parser("statistician_twin", description, epochs=50, batch_size=16)
    parser.add_argument("--generator", choices=GENERATORS, default="population")
    parser.add_argument("--architecture", choices=list(ARCHITECTURES), default="author")
    parser.add_argument("--sets", type=int, default=10_000, help="to train on")
    parser.add_argument("--test-sets", type=int, default=1_000)
    parser.add_argument("--test-seed", type=int, default=TEST_SEED)
    parser.add_argument("--set-size", type=int, default=200, help="items in a set")
    parser.add_argument("--width", type=int, default=128, help="units of hidden layers")
    return program.parsed(parser, arguments)
