"""The variational autoencoder of thesis 4.4 in PyTorch, on cal_jax's data and batches.

    python -m benchmarks.vae_twin --data-dir DIR --seed 0 --run-dir OUT

Needs the extra ``benchmarks``. Prints JSON: the bound of the test images after training (nats
per image, 4 Monte Carlo samples, running averages), the time that an epoch takes, and with
``--parity`` how closely the twin agrees with ``cal_jax.models.vae.VAE`` on one batch.
"""

import sys
from collections.abc import Sequence

from benchmarks.extra import require_torch
from cal_jax.cli import program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, 2 for bad input, 1 for diverged training."""
    return program.exit_code(lambda: _program(arguments))


def _program(arguments: Sequence[str] | None) -> None:
    require_torch()
    from benchmarks.twins import train_vae

    train_vae.measure(train_vae.parse(__doc__, arguments))


if __name__ == "__main__":
    sys.exit(main())
