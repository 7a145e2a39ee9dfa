"""The thesis author's neural statistician of synthetic sets in PyTorch, on cal_jax's data.

    python -m benchmarks.statistician_twin --epochs 4 --seed 0 --run-dir DIR

Needs the extra ``benchmarks``. Trains the architecture of the author's public code, or with
``--architecture thesis`` the twin of cal_jax's, as thesis 5.3.1 says: two stochastic layers, the
weighted bound (5.14), gradients clipped to [-0.5, 0.5]. Prints JSON: the bound of test sets in
nats per item (4 Monte Carlo samples, running averages), what the context means know, and the
time that a step takes.
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
    from benchmarks.twins import train_statistician

    train_statistician.measure(train_statistician.parse(__doc__, arguments))


if __name__ == "__main__":
    sys.exit(main())
