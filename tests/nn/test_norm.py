"""Batch statistics over named axes, masks, empty sets; running averages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DATASET, SAMPLE
from cal_jax.errors import InputError
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.norm import BatchNorm, normalisation
from tests.nn.normalised import normalised

FEATURES = 3
AXES = (DATASET, SAMPLE)


def variables(layer=None):
    return (layer or BatchNorm()).init(
        jax.random.key(0), jnp.zeros((2, FEATURES)), ApplyContext(None, ())
    )


def mapped(x, mask, layer=None):
    """Outputs [B, N, F] and the running averages, sets mapped over the last axis in AXES[:1]."""
    layer = layer or BatchNorm()

    def one(x, mask):
        run = ApplyContext(mask, (DATASET,))
        return layer.apply(variables(layer), x, run, mutable=["batch_stats"])

    return jax.vmap(one, axis_name=DATASET, out_axes=(0, None))(x, mask)


def data(num_sets=3, num_items=5):
    return 2.0 + 3.0 * jax.random.normal(jax.random.key(1), (num_sets, num_items, FEATURES))


def test_statistics_are_those_of_all_the_items_of_all_the_sets():
    x = data()
    y, updated = mapped(x, None)
    rows = np.asarray(x).reshape(-1, FEATURES)
    want = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5)
    np.testing.assert_allclose(np.asarray(y).reshape(-1, FEATURES), want, atol=1e-5)
    stats = updated["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.1 * rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(stats["variance"], 0.9 + 0.1 * rows.var(0), rtol=1e-4)


def test_sets_of_unequal_size_weigh_by_their_items():
    """Not by set: linen's masked BatchNorm averages the means of the sets."""
    x = data()
    mask = jnp.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], jnp.float32)
    rows = np.asarray(x)[np.asarray(mask) > 0]
    assert len(rows) == 8
    stats = mapped(x, mask)[1]["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.1 * rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(stats["variance"], 0.9 + 0.1 * rows.var(0), rtol=1e-4)


def test_an_empty_set_and_the_contents_of_padding_change_nothing():
    x = data(2)
    with_empty = jnp.concatenate([x, jnp.full((1, 5, FEATURES), 1e3)])
    mask = jnp.ones((3, 5)).at[2].set(0)
    want = mapped(x, None)
    got = mapped(with_empty, mask)
    np.testing.assert_allclose(got[0][:2], want[0], atol=1e-5)
    jax.tree.map(lambda g, w: np.testing.assert_allclose(g, w, rtol=1e-5), got[1], want[1])
    assert np.all(np.isfinite(got[0]))


def test_a_batch_of_nothing_but_empty_sets_leaves_the_running_averages():
    y, updated = mapped(data(), jnp.zeros((3, 5)))
    assert np.all(np.isfinite(y))
    assert np.all(updated["batch_stats"]["mean"] == 0)
    assert np.all(updated["batch_stats"]["variance"] == 1)


def test_the_set_s_own_values_count_once_and_not_where_the_set_is_empty():
    x = data()[:, 0]
    mask = jnp.array([[1, 1], [1, 0], [0, 0]], jnp.float32)
    layer = BatchNorm()

    def one(x, mask):
        run = ApplyContext(mask, (DATASET,)).of_the_set()
        return layer.apply(variables(), x, run, mutable=["batch_stats"])

    _, updated = jax.vmap(one, axis_name=DATASET, out_axes=(0, None))(x, mask)
    want = 0.1 * np.asarray(x)[:2].mean(0)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], want, rtol=1e-5)


def test_samples_are_one_more_axis_of_the_statistics():
    x = data(2, 5)  # two samples of one set

    def one(x):
        return BatchNorm().apply(variables(), x, ApplyContext(None, AXES), mutable=["batch_stats"])

    over_samples = jax.vmap(one, axis_name=SAMPLE, out_axes=(0, None))
    over_sets = jax.vmap(over_samples, axis_name=DATASET, out_axes=(0, None))
    _, updated = over_sets(x[None])
    rows = np.asarray(x).reshape(-1, FEATURES)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], 0.1 * rows.mean(0), rtol=1e-5)


def test_leaving_an_axis_out_fails_loudly():
    def one(x):
        return BatchNorm().apply(
            variables(), x, ApplyContext(None, (DATASET,)), mutable=["batch_stats"]
        )

    over_samples = jax.vmap(one, axis_name=SAMPLE, out_axes=(0, None))
    with pytest.raises(ValueError, match="out_axes"):
        jax.vmap(over_samples, axis_name=DATASET, out_axes=(0, None))(data(2)[None])


def test_image_positions_are_rows_too_and_are_masked_with_their_image():
    x = jax.random.normal(jax.random.key(2), (4, 6, 6, FEATURES))
    mask = jnp.array([1.0, 1.0, 0.0, 1.0])
    layer = BatchNorm()
    _, updated = layer.apply(variables(), x, ApplyContext(mask, ()), mutable=["batch_stats"])
    rows = np.asarray(x)[np.asarray(mask) > 0].reshape(-1, FEATURES)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], 0.1 * rows.mean(0), atol=1e-6)


def test_evaluation_uses_running_averages_so_rows_do_not_see_each_other():
    state = variables()
    x = data(1)[0]
    together = BatchNorm().apply(state, x, EVALUATION)
    alone = jnp.stack([BatchNorm().apply(state, row[None], EVALUATION)[0] for row in x])
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    np.testing.assert_allclose(together, x, rtol=1e-4)  # mean 0 and variance 1 so far


@pytest.mark.parametrize("norm", ["batch", "layer", "weight", "none"])
def test_every_name_makes_a_layer_of_one_call(norm):
    layer, x = normalisation(norm), data(1)[0]
    state = layer.init(jax.random.key(0), x, ApplyContext(None, ()))
    assert layer.apply(state, x, EVALUATION).shape == x.shape


def test_an_unknown_name_lists_the_accepted_ones():
    with pytest.raises(InputError, match="batch, layer, weight, none"):
        normalisation("group")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("axes", [(DATASET,), AXES])
def test_the_written_out_gradient_is_that_of_the_formula(masked, axes):
    """In x, scale and bias, over the positions of the items of mapped sets: the plain formula on
    all the rows, differentiated. Samples share their rows, as in an encoder, and differ after."""
    x = data(3, 10).reshape(3, 5, 2, FEATURES)
    mask = jnp.array([[1, 1, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]]) if masked else None
    weights = jnp.ones((3, 5, 1, 1)) if mask is None else mask[..., None, None].astype(x.dtype)
    scale, bias = jnp.array([0.5, 1.0, 2.0]), jnp.array([-1.0, 0.0, 1.0])
    of_sample = jnp.array([1.0, 0.3])

    def loss(y, weights):
        return jnp.sum(jnp.sin(y * of_sample.reshape(-1, 1, 1, 1, 1)) * weights[None])

    def ours(x, scale, bias):
        def one(x, weights):
            def one(_):
                return normalised(axes, x, scale, bias, None if mask is None else weights)

            return jax.vmap(one, axis_name=SAMPLE)(of_sample) if SAMPLE in axes else one(0)[None]

        y = jax.vmap(one, out_axes=1, axis_name=DATASET)(x, weights)
        return loss(y, weights)

    def plain(x, scale, bias):
        rows = 2 * weights.sum()

        def total(values):
            return jnp.sum(values * weights, axis=(0, 1, 2), keepdims=True)

        mean = total(x) / rows
        variance = total((x - mean) ** 2) / rows
        scale, bias = (each[None, None, None] for each in (scale, bias))
        return loss(((x - mean) / jnp.sqrt(variance + 1e-5) * scale + bias)[None], weights)

    arguments = (x, scale, bias)
    got, want = (jax.grad(f, argnums=(0, 1, 2))(*arguments) for f in (ours, plain))
    for ours_, plain_ in zip(got, want, strict=True):
        np.testing.assert_allclose(ours_, plain_, rtol=1e-4, atol=1e-5)
