"""The convolutional encoder of images and the decoder that mirrors it (thesis 6.4.1)."""

from collections.abc import Sequence

import flax.linen as nn
from jax import Array

from cal_jax.fast.relu import relu
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv_layers import Conv, ConvTranspose
from cal_jax.nn.dense import Embedding
from cal_jax.nn.norm import Norm, normalisation

LAYERS_PER_GROUP = 3


def halved_sizes(size: int, groups: int) -> list[int]:
    """The side of the image before, between and after groups that halve it, rounding up."""
    sizes = [size]
    for _ in range(groups):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


class ConvolutionalEncoder(nn.Module):
    """Groups of three 3x3 convolutions, the last of each group with stride 2.

    With the default widths, the nine layers of thesis 6.4.1.
    """

    widths: Sequence[int] = (16, 32, 64)
    norm: Norm = "batch"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map images x [N, H, W] to features [N, F]."""
        use_bias = self.norm == "none"
        x = x[..., None]
        for width in self.widths:
            for layer in range(LAYERS_PER_GROUP):
                stride = 2 if layer == LAYERS_PER_GROUP - 1 else 1
                convolution = Conv(width, stride, use_bias)
                x = relu(normalisation(self.norm)(convolution(x), ctx))
        return x.reshape(x.shape[0], -1)


class ConvolutionalDecoder(nn.Module):
    """The encoder's mirror: groups of three transposed convolutions, the first with stride 2.

    A linear embedding of the inputs makes the smallest image; one last
    convolution with a single channel makes the logits.
    """

    image_size: int
    widths: Sequence[int] = (16, 32, 64)
    norm: Norm = "batch"

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to Bernoulli logits [N, H, W]."""
        use_bias = self.norm == "none"
        widths = tuple(reversed(self.widths))
        smallest, *sizes = reversed(halved_sizes(self.image_size, len(widths)))
        x = Embedding(smallest * smallest * widths[0], use_bias=use_bias)(*inputs)
        x = x.reshape(-1, smallest, smallest, widths[0])
        x = relu(normalisation(self.norm)(x, ctx))
        for width, size in zip(widths, sizes, strict=True):
            for layer in range(LAYERS_PER_GROUP):
                stride = 2 if layer == 0 else 1
                transposed = ConvTranspose(width, size, stride, use_bias)
                x = relu(normalisation(self.norm)(transposed(x), ctx))
        logits = Conv(1, kernel_init=nn.initializers.glorot_normal())(x)
        return logits[..., 0]
