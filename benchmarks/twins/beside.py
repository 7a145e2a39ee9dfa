"""PyTorch on the same device as JAX, with products of the same precision."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import torch

from benchmarks.peaks import Precision
from cal_jax.errors import InputError


def device_beside_jax() -> torch.device:
    """The device of PyTorch's kind that JAX uses: the CPU, or the first GPU.

    Raises:
        InputError: PyTorch cannot use what JAX does.
    """
    platform = jax.default_backend()
    if platform == "cpu":
        return torch.device("cpu")
    if platform == "gpu" and torch.cuda.is_available():
        return torch.device("cuda")
    raise InputError(
        f"JAX runs on {platform}, where this PyTorch {torch.__version__} does not; "
        "accepted: a PyTorch for the same GPU, or JAX_PLATFORMS=cpu"
    )


@contextlib.contextmanager
def precision_of_both(precision: Precision) -> Iterator[None]:
    """Products and convolutions of float32 arrays, in JAX and in PyTorch, on a GPU.

    On a CPU float32 is all that there is, and nothing changes.
    """
    if jax.default_backend() == "cpu":
        yield
        return
    allowed = precision == "tensorfloat32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = True  # as XLA does, try its kernels and keep the quickest
    with jax.default_matmul_precision(precision):
        yield


def moved(tree: Any, device: torch.device) -> Any:
    """Every tensor of a tree on a device."""
    return jax.tree.map(lambda tensor: tensor.to(device), tree)


def wait_for(device: torch.device) -> None:
    """Until all that was asked of a device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
