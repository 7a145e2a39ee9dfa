"""Cache of trained oracles by their images and configuration."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cal_jax.cli.progress import Progress
from cal_jax.evaluation.oracle import storage as oracle_file
from cal_jax.evaluation.oracle.train import DrawBatch, Oracle, OracleConfig, train_oracle


def stored_oracle(
    directory: Path,
    draw_batch: DrawBatch,
    data: Any,
    factors: Mapping[str, int],
    image_size: int,
    config: OracleConfig,
    *,
    training_data: str,
) -> Oracle:
    """Load the oracle from ``directory``, or train and save it there.

    Args:
      directory: made where absent.
      draw_batch, data, factors, image_size, config: see ``train_oracle``.
      training_data: identifies the images of ``draw_batch``, binarisation included;
        different texts mean different oracles.

    Raises:
      InputError: a file that was changed, or a directory that cannot be written.
    """
    identity = (oracle_file.config_digest(config), training_data, image_size, *factors.items())
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    path = Path(directory) / f"oracle-{name}.safetensors"
    if path.exists():
        return oracle_file.load(path)
    with Progress(config.steps, "oracle") as progress:
        oracle = train_oracle(
            draw_batch,
            data,
            factors,
            image_size,
            config,
            progress=lambda step, loss: progress.update(step, {"loss": loss}),
        )
    oracle_file.save(path, oracle)
    return oracle
