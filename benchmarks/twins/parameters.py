"""Flax variables as the state of a PyTorch twin whose modules bear the same names."""

from typing import Any

import jax
import numpy as np
import torch
from torch import nn

from cal_jax.errors import InputError

_PARAMETERS = {"kernel": "weight", "scale": "weight"}
_AVERAGES = {"mean": "running_mean", "variance": "running_var"}
_COUNTER = "num_batches_tracked"


def torch_names(parameters: Any) -> dict[str, np.ndarray]:
    """The leaves of a tree of Flax parameters or gradients, by PyTorch's names.

    Args:
        parameters: nested dictionaries; kernels [inputs, outputs], or
            [3, 3, inputs, outputs] of ``Conv_*`` and ``ConvTranspose_*``.

    Returns:
        As "encoder.Dense_0.weight": [outputs, inputs]; of convolutions
        [outputs, inputs, 3, 3], turned by 180 degrees (``torch_images``); of
        transposed ones [inputs, outputs, 3, 3], turned twice: by PyTorch too.
    """
    return _named(parameters, _PARAMETERS)


def _named(tree: Any, names: dict[str, str]) -> dict[str, np.ndarray]:
    named = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        *modules, last = [entry.key for entry in path]
        array = np.asarray(leaf)
        if last == "kernel":
            array = _weight(modules[-1], array)
        named[".".join([*modules, names.get(last, last)])] = array
    return named


def _weight(module: str, kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 2:
        return kernel.T
    if module.startswith("ConvTranspose"):
        return kernel.transpose(2, 3, 0, 1)
    return kernel.transpose(3, 2, 0, 1)[..., ::-1, ::-1]


def load_variables(twin: nn.Module, variables: Any) -> None:
    """Copy Flax variables into a twin.

    Args:
        twin: its parameters and running averages are overwritten.
        variables: {"params": ..., "batch_stats": ...}.

    Raises:
        InputError: names or shapes that are not the twin's.
    """
    averages = _named(variables.get("batch_stats", {}), _AVERAGES)
    given = {**torch_names(variables["params"]), **averages}
    state = {
        name: tensor for name, tensor in twin.state_dict().items() if not name.endswith(_COUNTER)
    }
    wrong = sorted(set(given) ^ set(state))
    wrong += [name for name in state if not wrong and given[name].shape != tuple(state[name].shape)]
    if wrong:
        raise InputError(f"{wrong[0]}: not in both models with one shape; accepted: twins")
    for name, tensor in state.items():
        tensor.copy_(torch.tensor(given[name].copy()))
