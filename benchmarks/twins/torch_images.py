"""The convolutional encoder and decoder of thesis 6.4.1 in PyTorch, on turned images.

Where a stride of 2 leaves one row or column of padding over, Flax adds it at the
end of a convolution's input and at the start of a transposed one's; PyTorch only
knows the other way round. So the twin turns its images by 180 degrees and its
kernels with them (``parameters``): the same function, without copies that pad or crop.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.twins.layers import hidden, truncated_normal
from cal_jax.nn.conv import halved_sizes


def turned(x: Tensor) -> Tensor:
    """x [..., H, W] by 180 degrees."""
    return x.flip((-2, -1))


class ConvolutionalEncoder(nn.Module):
    """Groups of three 3x3 convolutions, the last of each group with stride 2."""

    def __init__(self, image_size: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.smallest = halved_sizes(image_size, len(widths))[-1]
        self.features = self.smallest**2 * widths[-1]
        channels, self.layers = 1, 0
        for width in widths:
            for stride in (1, 1, 2):
                layer = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
                truncated_normal(layer.weight, 2.0 / (9 * channels))
                self.add_module(f"Conv_{self.layers}", layer)
                self.add_module(f"BatchNorm_{self.layers}", _batch_norm(width))
                channels, self.layers = width, self.layers + 1

    def forward(self, x: Tensor) -> Tensor:
        """Map turned images x [M, H, W] to features [M, F] in Flax's order."""
        x = x[:, None]
        for index in range(self.layers):
            x = self.get_submodule(f"Conv_{index}")(x)
            x = torch.relu(self.get_submodule(f"BatchNorm_{index}")(x))
        return turned(x).permute(0, 2, 3, 1).flatten(1)


class ConvolutionalDecoder(nn.Module):
    """Groups of three transposed convolutions, the first of each group with stride 2."""

    def __init__(self, inputs: tuple[int, ...], image_size: int, widths: Sequence[int]) -> None:
        super().__init__()
        smallest, *sizes = reversed(halved_sizes(image_size, len(widths)))
        channels = widths[-1]
        self.shape = (smallest, smallest, channels)
        embedded = math.prod(self.shape)
        self.Embedding_0 = nn.ModuleDict(
            {f"input_{index}": hidden(size, embedded) for index, size in enumerate(inputs)}
        )
        self.BatchNorm_0 = _batch_norm(channels)
        size, self.layers = smallest, 0
        for width, target in zip(reversed(widths), sizes, strict=True):
            for stride in (2, 1, 1):
                # 2 size or 2 size - 1 with stride 2: PyTorch adds the last row on request.
                more = target - size * 2 + 1 if stride == 2 else 0
                layer = nn.ConvTranspose2d(
                    channels, width, 3, stride, padding=1, output_padding=more, bias=False
                )
                truncated_normal(layer.weight, 2.0 / (9 * channels))
                self.add_module(f"ConvTranspose_{self.layers}", layer)
                self.add_module(f"BatchNorm_{self.layers + 1}", _batch_norm(width))
                channels, size, self.layers = width, target, self.layers + 1
        self.Conv_0 = nn.Conv2d(channels, 1, 3, padding=1)
        truncated_normal(self.Conv_0.weight, 2.0 / (9 * channels + 9))
        assert self.Conv_0.bias is not None
        nn.init.zeros_(self.Conv_0.bias)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs [B, N, F_i] to logits of turned images [B N, H, W]."""
        layers = self.Embedding_0.values()
        embedded = [layer(x) for layer, x in zip(layers, inputs, strict=True)]
        x = sum(embedded[1:], embedded[0])
        x = turned(x.reshape(-1, *self.shape).permute(0, 3, 1, 2))
        x = torch.relu(self.BatchNorm_0(x))
        for index in range(self.layers):
            x = self.get_submodule(f"ConvTranspose_{index}")(x)
            x = torch.relu(self.get_submodule(f"BatchNorm_{index + 1}")(x))
        return self.Conv_0(x)[:, 0]


def _batch_norm(width: int) -> nn.BatchNorm2d:
    """As ``layers.BatchNorm``, for images."""
    return nn.BatchNorm2d(width, eps=1e-5, momentum=0.1)
