"""Encoders and decoders of images of any size, and the blocks that they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DATASET
from cal_jax.errors import InputError
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.conv import ConvolutionalDecoder, ConvolutionalEncoder
from cal_jax.nn.densenet import DenseBlock, DenseNetDecoder, DenseNetEncoder, Transition
from cal_jax.nn.residual import ResidualBlock, ResidualDecoder, ResidualEncoder, nearest

TRAINING = ApplyContext(None, ())
ENCODERS = {
    "convolutional": ConvolutionalEncoder((2, 3)),
    "residual": ResidualEncoder((2, 3), 1),
    "densenet": DenseNetEncoder(2, 1, 4),
}
DECODERS = {
    "convolutional": lambda shape, **options: ConvolutionalDecoder(shape, (2, 3), **options),
    "residual": lambda shape, **options: ResidualDecoder(shape, (2, 3), 1, **options),
    "densenet": lambda shape, **options: DenseNetDecoder(shape, 2, 1, 4, **options),
}
CHOICES = [("batch", "relu"), ("layer", "relu"), ("weight", "relu"), ("none", "selu")]


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("item", [(9, 6), (9, 6, 1), (5, 7, 3), (1, 2, 3)])
def test_encoders_and_decoders_of_any_shape(kind, item):
    """Height, width and channels; the decoder makes several numbers a channel."""
    x = jnp.zeros((4, *item))
    h, _ = jax.eval_shape(lambda: ENCODERS[kind].init_with_output(jax.random.key(0), x, TRAINING))
    smallest = [-(-side // 4) for side in item[:2]]
    assert h.shape[0] == 4 and h.shape[1] % np.prod(smallest) == 0
    for shape in (item, (*item, 2)):
        decoder = DECODERS[kind](shape)
        y, _ = jax.eval_shape(
            lambda d=decoder: d.init_with_output(
                jax.random.key(0), TRAINING, jnp.zeros((4, 5)), jnp.zeros(3)
            )
        )
        assert y.shape == (4, *shape)


@pytest.mark.parametrize("kind", ENCODERS)
def test_other_shapes_are_refused(kind):
    with pytest.raises(InputError, match=r"accepted: \[N, H, W\], \[N, H, W, C\]"):
        ENCODERS[kind].init(jax.random.key(0), jnp.zeros((4, 5)), TRAINING)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(("norm", "activation"), CHOICES)
def test_gradients_are_finite_and_reach_every_parameter(kind, norm, activation):
    x = normal(1, 2, 3, 5, 7, 3)
    encoder = ENCODERS[kind].clone(norm=norm, activation=activation)
    decoder = DECODERS[kind]((5, 7, 3), norm=norm, activation=activation)

    def apply(network, variables, *given):
        return network.apply(variables, *given, mutable=["batch_stats"])[0]

    @jax.jit
    def gradients():
        key = jax.random.key(0)
        of_encoder = encoder.init(key, x[0], TRAINING)
        h = apply(encoder, of_encoder, x[0], TRAINING)
        params = of_encoder["params"], decoder.init(key, TRAINING, h)["params"]

        def loss(params):
            def of_set(x):
                ctx = ApplyContext(None, (DATASET,))
                h = apply(encoder, of_encoder | {"params": params[0]}, x, ctx)
                y = apply(decoder, {"params": params[1]}, ctx, h)
                return jnp.sum((y - x) ** 2)

            return jnp.sum(jax.vmap(of_set, axis_name=DATASET)(x))

        return jax.grad(loss)(params)

    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients()):
        assert np.all(np.isfinite(leaf)), path
        assert np.any(leaf != 0), path


@pytest.mark.parametrize("kind", ENCODERS)
def test_batch_statistics_are_those_of_all_sets(kind):
    """Sets mapped over a named axis are one batch; without the axis they are two."""
    encoder, x = ENCODERS[kind], normal(2, 2, 3, 6, 6)
    variables = jax.jit(lambda: encoder.init(jax.random.key(0), x[0], TRAINING))()

    def apply(x, axes):
        return encoder.apply(variables, x, ApplyContext(None, axes), mutable=["batch_stats"])

    def of_sets(x):
        mapped = jax.vmap(lambda x: apply(x, (DATASET,)), axis_name=DATASET, out_axes=(0, None))
        return apply(x.reshape(6, 6, 6), ()), mapped(x), jax.vmap(lambda x: apply(x, ())[0])(x)

    together, mapped, apart = jax.jit(of_sets)(x)
    np.testing.assert_allclose(mapped[0].reshape(6, -1), together[0], atol=1e-4)
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5),
        mapped[1],
        together[1],
    )
    assert not np.allclose(apart.reshape(6, -1), together[0], atol=1e-3)


def test_a_residual_block_adds_its_input_before_the_last_nonlinearity():
    """With kernels of zeros, of whatever size, the block is the nonlinearity of its input."""
    x = normal(3, 2, 5, 5, 4)
    for size, want in ((5, 5), x), ((3, 3), x[:, ::2, ::2]):
        block = ResidualBlock(4, size, norm="none")
        zeros = jax.tree.map(jnp.zeros_like, block.init(jax.random.key(0), x, EVALUATION))
        np.testing.assert_array_equal(block.apply(zeros, x, EVALUATION), jax.nn.relu(want))
    wider = ResidualBlock(6, (5, 5), norm="none").init(jax.random.key(0), x, EVALUATION)
    assert wider["params"]["Conv_2"]["kernel"].shape == (1, 1, 4, 6)


def test_nearest_pixels_halve_and_double():
    x = jnp.arange(6.0).reshape(1, 2, 3, 1)
    np.testing.assert_array_equal(nearest(x, (1, 2))[0, ..., 0], [[0, 2]])
    twice = [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]
    np.testing.assert_array_equal(nearest(x, (3, 5))[0, ..., 0], twice)


def test_a_dense_block_keeps_what_it_was_given_and_adds_layers():
    x = normal(4, 2, 5, 5, 3)
    block = DenseBlock(layers=4, growth=2, norm="none")
    y, variables = block.init_with_output(jax.random.key(0), x, EVALUATION)
    assert y.shape == (2, 5, 5, 3 + 4 * 2)
    np.testing.assert_array_equal(y[..., :3], x)
    channels = [variables["params"][f"Conv_{i}"]["kernel"].shape[2] for i in range(4)]
    assert channels == [3, 5, 7, 9]
    first = jax.lax.conv_general_dilated(
        jax.nn.relu(x),
        variables["params"]["Conv_0"]["kernel"],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    np.testing.assert_allclose(y[..., 3:5], first, atol=1e-5)


@pytest.mark.parametrize("size", [(3, 3), (9, 10)])
def test_a_transition_halves_the_channels(size):
    y, _ = Transition(size).init_with_output(jax.random.key(0), normal(5, 2, 5, 5, 7), TRAINING)
    assert y.shape == (2, *size, 4)
