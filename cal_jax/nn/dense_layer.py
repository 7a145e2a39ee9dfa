"""A dense layer, with the parameters of linen's, whose weight gradient is quick under ``vmap``.

It carries the name of ``nn.Dense``, so that the parameters of a model are named, shaped and
initialised alike.
"""

import flax.linen as nn
from flax.linen.dtypes import promote_dtype
from flax.typing import Initializer
from jax import Array

from cal_jax.fast.as_row import as_row
from cal_jax.fast.parameter import parameter
from cal_jax.fast.row_product import row_product


class Dense(nn.Module):
    """A linear map of the last axis."""

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map x [..., F] to [..., features]."""
        kernel = parameter(self, "kernel", self.kernel_init, (x.shape[-1], self.features))
        if not self.use_bias:
            return row_product(*promote_dtype(x, kernel))
        bias = parameter(self, "bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias)
        return row_product(x, kernel) + as_row(bias, x)
