"""Flax variables as the state of a PyTorch twin whose modules bear the same names."""

from typing import Any

import jax
import numpy as np
import torch
from torch import nn

from cal_jax.errors import InputError

_NAMES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "variance": "running_var"}
_COUNTER = "num_batches_tracked"


def torch_names(tree: Any) -> dict[str, np.ndarray]:
    """The leaves of a tree of Flax parameters, gradients or running averages.

    Args:
        tree: nested dictionaries; kernels [inputs, outputs].

    Returns:
        By PyTorch's names, as "encoder.Dense_0.weight"; weights [outputs, inputs].
    """
    named = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        *modules, last = [entry.key for entry in path]
        array = np.asarray(leaf)
        named[".".join([*modules, _NAMES.get(last, last)])] = array.T if last == "kernel" else array
    return named


def load_variables(twin: nn.Module, variables: Any) -> None:
    """Copy Flax variables into a twin.

    Args:
        twin: its parameters and running averages are overwritten.
        variables: {"params": ..., "batch_stats": ...}.

    Raises:
        InputError: names or shapes that are not the twin's.
    """
    given = {**torch_names(variables["params"]), **torch_names(variables.get("batch_stats", {}))}
    state = {
        name: tensor for name, tensor in twin.state_dict().items() if not name.endswith(_COUNTER)
    }
    wrong = sorted(set(given) ^ set(state))
    wrong += [name for name in state if not wrong and given[name].shape != tuple(state[name].shape)]
    if wrong:
        raise InputError(f"{wrong[0]}: not in both models with one shape; accepted: twins")
    for name, tensor in state.items():
        tensor.copy_(torch.tensor(given[name]))
