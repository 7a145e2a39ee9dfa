"""Trains and evaluates the autoencoder's twin, for ``benchmarks.vae_twin``."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.twins import program
from benchmarks.twins.parity import vae_parity
from benchmarks.twins.torch_vae import TorchVAE
from cal_jax.data.binarise import BINARISATIONS, fixed_binary
from cal_jax.data.sources import load_for_evaluation
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.vae import VAEConfig
from experiments.common.run import TEST_SEED

SIDE = 28
"""Pixels of an image."""
SAMPLES = 4
EVALUATION_BATCH = 500


def measure(flags: argparse.Namespace) -> None:
    """Train, evaluate and publish."""
    program.start(flags)
    config, event_shape = VAEConfig(), (SIDE, SIDE)
    images = load_for_evaluation(flags.data_dir, size=SIDE, held_back=flags.held_back)
    twin = TorchVAE(config, event_shape)
    draw = _training_images(images.train.images, flags.binarisation, flags.seed)
    optimiser = torch.optim.Adam(twin.parameters(), lr=1e-3)

    def step(_: int, rows: np.ndarray) -> float:
        x = draw(rows)
        elbo = twin(x, torch.randn(len(x), config.latent_dim)).elbo.mean()
        optimiser.zero_grad()
        (-elbo).backward()
        optimiser.step()
        return elbo.item()

    training = program.train(flags, len(images.train.images), step)
    pixels = fixed_binary(images.evaluated.images, flags.binarisation, TEST_SEED)
    terms = evaluate(twin, _rows(pixels))
    program.publish(
        flags,
        preset="thesis",
        scores={
            f"{name}_{flags.binarisation}": Score(nats, None, NATS_PER_ITEM)
            for name, nats in terms.items()
        },
        data=images.about(SIDE) | {"binarisation": flags.binarisation},
        training=training,
        **({"parity": vae_parity(config, event_shape)._asdict()} if flags.parity else {}),
    )


@torch.no_grad()
def evaluate(twin: TorchVAE, x: Tensor) -> dict[str, float]:
    """Mean terms of the bound of images [M, H * W], by running averages; nats per image."""
    twin.eval()
    totals = torch.zeros(2, dtype=torch.float64)
    for batch in x.split(EVALUATION_BATCH):
        for _ in range(SAMPLES):
            bound = twin(batch, torch.randn(len(batch), twin.latent_dim))
            totals += torch.stack([term.double().sum() for term in bound])
    reconstruction, kl = (totals / (SAMPLES * len(x))).tolist()
    return {
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl_latent": kl,
    }


def _training_images(
    images: np.ndarray, binarisation: str, seed: int
) -> Callable[[np.ndarray], Tensor]:
    """Rows [B] -> binary images [B, H * W]; dynamic ones are drawn at every visit."""
    if binarisation == "dynamic":
        grey = _rows(images) / 255
        return lambda rows: torch.bernoulli(grey[rows])
    binary = _rows(fixed_binary(images, binarisation, seed))
    return lambda rows: binary[rows]


def _rows(images: np.ndarray) -> Tensor:
    """Images [M, H, W] as float32 [M, H * W]."""
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32))


def parse(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The program's flags, parsed."""
    parser = program.parser("vae_twin", description, epochs=50, batch_size=32)
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="MNIST; without it, the embedded digits"
    )
    parser.add_argument("--binarisation", choices=BINARISATIONS, default="static")
    parser.add_argument(
        "--held-back",
        type=int,
        default=0,
        metavar="COUNT",
        help="evaluate on so many training images that are held back; test images stay unseen",
    )
    parser.add_argument("--parity", action="store_true", help="compare with cal_jax's model too")
    return program.parsed(parser, arguments)
