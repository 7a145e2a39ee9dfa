"""A variational autoencoder of MNIST with two latent dimensions (thesis 4.4, figure 4.3).

    python -m experiments.vae_mnist --preset thesis --data-dir DIR

Trains one model for each binarisation and reports the test ELBO, the
importance-weighted bound, and how well the two dimensions tell the digits
apart. What each preset reached is in docs/results/README.md.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

from cal_jax.cli import program
from cal_jax.models.components.decoders import MLPDecoder
from cal_jax.models.components.encoders import MLPEncoder
from cal_jax.models.vae import VAEConfig
from experiments.vae_mnist import pipeline as autoencoder
from experiments.vae_mnist.config import AutoencoderConfig

TARGETS = {
    "thesis": {"elbo_static": -144.5, "elbo_threshold": -140.0},
    "best": {"elbo_static": -138.0},
}
"""On MNIST's test images, by preset."""

_THESIS = AutoencoderConfig(
    summary="section 4.4 in full: three models of 50 epochs; some 30 minutes on 2 cores"
)

PRESETS = {
    "smoke": AutoencoderConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=VAEConfig(encoder=MLPEncoder((16, 8)), decoder=MLPDecoder((8, 16))),
        image_size=8,
        training=replace(_THESIS.training, steps=40, chunk_steps=20),
        likelihood_samples=20,
        likelihood_images=40,
    ),
    "cpu": replace(
        _THESIS,
        summary="three models of 8 epochs, the rate brought down: some 6 minutes on 2 cores",
        training=replace(_THESIS.training, steps=15_000, schedule="cosine"),
    ),
    "thesis": _THESIS,
    "best": AutoencoderConfig(
        summary="wider networks, full covariances, drawn training images; some 10 minutes",
        model=VAEConfig(
            encoder=MLPEncoder((1024, 512, 256)),
            decoder=MLPDecoder((256, 512, 1024)),
            covariance="full",
        ),
        training=replace(_THESIS.training, steps=28_080, batch_size=128, schedule="cosine"),
        binarisations=("static",),
        redrawn=True,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{autoencoder.EXPERIMENT}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(module, description, PRESETS, arguments, oracle=False),
        functools.partial(autoencoder.run, TARGETS),
    )
