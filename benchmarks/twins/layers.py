"""PyTorch layers that compute and start as cal_jax's do."""

import math

import torch
from torch import Tensor, nn

_TRUNCATED_STD = 0.87962566103423978
"""The standard deviation of N(0, 1) truncated to [-2, 2]."""


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation over every axis but the last, as ``cal_jax.nn.norm``.

    PyTorch's momentum is the weight of the new value, flax's that of the old one.
    Its running variance is unbiased: a factor rows / (rows - 1) above cal_jax's.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-5, momentum=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [..., F]."""
        return super().forward(x.flatten(0, -2)).view_as(x)


def hidden(inputs: int, outputs: int) -> nn.Linear:
    """Weights before a batch normalisation, which adds the bias: flax's he_normal."""
    layer = nn.Linear(inputs, outputs, bias=False)
    truncated_normal(layer.weight, 2.0 / inputs)
    return layer


def glorot(inputs: int, outputs: int) -> nn.Linear:
    """An output layer that starts as flax's glorot_normal."""
    return _output(inputs, outputs, 1.0)


def small(inputs: int, outputs: int) -> nn.Linear:
    """An output layer that starts close to 0."""
    return _output(inputs, outputs, 0.01)


def gaussian_head(inputs: int, size: int) -> nn.Sequential:
    """x [..., inputs] to means and log variances [..., 2 * size]; starts close to N(0, I)."""
    return _named(Dense_0=small(inputs, 2 * size))


def mlp(inputs: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Hidden layers, each normalised and rectified."""
    layers: dict[str, nn.Module] = {}
    for index, width in enumerate(widths):
        layers[f"Dense_{index}"] = hidden(inputs, width)
        layers[f"BatchNorm_{index}"] = BatchNorm(width)
        layers[f"relu_{index}"] = nn.ReLU()
        inputs = width
    return _named(**layers)


class ResidualMLP(nn.Module):
    """``depth`` hidden layers of inputs that are embedded and summed; the first joins the last."""

    def __init__(self, inputs: tuple[int, ...], width: int, depth: int, skip: bool) -> None:
        super().__init__()
        self.depth, self.skip = depth, skip
        self.embedding = nn.ModuleDict(
            {f"input_{index}": hidden(size, width) for index, size in enumerate(inputs)}
        )
        for layer in range(1, depth):
            self.add_module(f"Dense_{layer - 1}", hidden(width, width))
        for layer in range(depth):
            self.add_module(f"BatchNorm_{layer}", BatchNorm(width))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs [B, F_i] or [B, N, F_i] to [B, width], or [B, N, width] if any has items."""
        embedded = [layer(x) for layer, x in zip(self.embedding.values(), inputs, strict=True)]
        if any(x.ndim == 3 for x in embedded):
            embedded = [x if x.ndim == 3 else x[:, None] for x in embedded]
        total = embedded[0]
        for x in embedded[1:]:
            total = total + x
        first = x = torch.relu(self.get_submodule("BatchNorm_0")(total))
        for layer in range(1, self.depth):
            x = self.get_submodule(f"Dense_{layer - 1}")(x)
            x = self.get_submodule(f"BatchNorm_{layer}")(x)
            if self.skip and layer == self.depth - 1:
                x = x + first
            x = torch.relu(x)
        return x


def _output(inputs: int, outputs: int, scale: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    truncated_normal(layer.weight, 2 * scale / (inputs + outputs))
    nn.init.zeros_(layer.bias)
    return layer


def truncated_normal(weight: Tensor, variance: float) -> None:
    """Draw weights as flax's ``truncated_normal`` initialisers do, with this variance."""
    std = math.sqrt(variance) / _TRUNCATED_STD
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def _named(**layers: nn.Module) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, layer in layers.items():
        sequence.add_module(name, layer)
    return sequence
