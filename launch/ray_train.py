"""Trains over the workers of a Ray cluster, with Ray Train's JaxTrainer.

    ray job submit --working-dir . -- python -m launch.ray_train --workers 2 --gpu \
        -- --preset thesis --data-dir DIR --run-dir RUN

Needs ray[train] 2.49 or newer and cal_jax[experiments] on every node; for a TPU
slice, --topology 4x4 --accelerator TPU-V6E in place of --gpu. What follows the
second -- is the experiment's: DIR must be there on every node, RUN where the
first worker can write. The trainer connects the workers, which --distributed
auto accepts.
"""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

EXPERIMENT = "experiments.black_and_white"


def parse(arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    """This program's flags, and the arguments of the experiment."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="python -m launch.ray_train", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--gpu", action="store_true", help="one GPU for each worker")
    parser.add_argument("--topology", help="of a TPU slice, as 4x4")
    parser.add_argument("--accelerator", help="of a TPU slice, as TPU-V6E")
    parser.add_argument("--max-failures", type=int, default=3, help="restarts (default: 3)")
    parser.add_argument("rest", nargs="*", metavar="ARGUMENT", help="the experiment's, after --")
    flags = parser.parse_args(arguments)
    return flags, [*flags.rest, "--distributed", "auto"]


def train(config: dict[str, Any]) -> None:
    """What each worker does: the experiment's own program."""
    code = importlib.import_module(config["experiment"]).main(config["arguments"])
    if code:
        raise RuntimeError(f"{config['experiment']} ended with exit code {code}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the workers, and wait for them."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.jax import JaxTrainer

    flags, of_experiment = parse(arguments)
    scale: dict[str, Any] = {"num_workers": flags.workers, "use_gpu": flags.gpu}
    if flags.topology is not None:
        scale |= {
            "use_tpu": True,
            "topology": flags.topology,
            "accelerator_type": flags.accelerator,
        }
    JaxTrainer(
        train,
        train_loop_config={"experiment": EXPERIMENT, "arguments": of_experiment},
        scaling_config=ScalingConfig(**scale),
        run_config=RunConfig(failure_config=FailureConfig(max_failures=flags.max_failures)),
    ).fit()


if __name__ == "__main__":
    main()
