"""Binding and mapping: padding, unequal sets, samples, and independence from batch-mates."""

import flax.errors
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference import mapping
from cal_jax.inference.mapping import dataset_keys, init_variables, map_model, map_objective
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo
from tests.small_models import CONVOLUTIONAL, binary_sets, small_model

COUNTS = np.array([4, 2, 3, 0])
"""Items that count in each set of a batch; the last set is empty."""


@pytest.fixture(name="model", scope="module")
def dense_model():
    return small_model()


def padded(length, junk=0.5):
    """The same four sets, padded to a length with junk."""
    x, labels = binary_sets(len(COUNTS), max(COUNTS))
    mask = (np.arange(length)[None] < COUNTS[:, None]).astype(np.float32)
    longer = np.full((len(x), length, *x.shape[2:]), junk, np.float32)
    longer[:, : x.shape[1]] = x
    longer = np.where(mask[..., None, None] > 0, longer, junk).astype(np.float32)
    return longer, labels, mask


def value_and_gradient(model, variables, x, labels, mask):
    mapped = map_objective(context_aware_elbo, model)
    keys = dataset_keys(jax.random.key(1), 0, len(x), 1)

    def bound(params):
        terms, batch_stats = mapped({**variables, "params": params}, keys, x, labels, mask=mask)
        return terms.elbo.sum(), (terms, batch_stats)

    return jax.jit(jax.value_and_grad(bound, has_aux=True))(variables["params"])


def assert_close(got, want, scale=1e-5):
    for leaf, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert np.all(np.isfinite(leaf))
        np.testing.assert_allclose(leaf, other, rtol=1e-4, atol=scale * (1 + np.abs(other).max()))


@pytest.mark.parametrize("network", [{}, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_padding_changes_neither_the_bound_nor_its_gradient_nor_the_statistics(network):
    """Unequal counts in one batch, an empty set among them, at two padded lengths."""
    model = small_model(**network)
    short = value_and_gradient(*model, *padded(4))
    assert_close(value_and_gradient(*model, *padded(7, junk=np.nan)), short)


def test_an_empty_set_changes_no_statistic_of_the_others(model):
    """An empty set costs its constant contexts' KL; it teaches the networks nothing else."""
    x, labels, mask = padded(4)
    _, (terms, statistics) = value_and_gradient(*model, x, labels, mask)[0]
    _, (others, without) = value_and_gradient(*model, x[:3], labels[:3], mask[:3])[0]
    assert_close(statistics, without)
    assert_close(jax.tree.map(lambda term: term[:3], terms), others)
    assert terms.reconstruction[3, 0] == 0


def test_unequal_sets_are_what_each_is_alone_in_evaluation(model):
    network, variables = model
    mapped = jax.jit(map_objective(context_aware_elbo, network, training=False))
    x, labels, mask = padded(6)
    keys = dataset_keys(jax.random.key(1), 0, len(x), 1)
    together, _ = mapped(variables, keys, x, labels, mask=mask)
    for index, count in enumerate(COUNTS[:3]):
        one = slice(index, index + 1)
        alone, _ = mapped(variables, keys[one], x[one, :count], labels[one])
        assert_close(jax.tree.map(lambda term, one=one: term[one], together), alone)


def test_samples_add_an_axis_and_share_one_set_of_statistics(model):
    network, variables = model
    x, labels = binary_sets(3, 4)
    keys = dataset_keys(jax.random.key(1), 0, 3, 5)
    mapped = jax.jit(map_objective(context_aware_elbo, network))
    terms, statistics = mapped(variables, keys, x, labels)
    assert terms.elbo.shape == (3, 5)
    assert terms.kl_varying.shape == (3, 5, 2)
    assert len({float(value) for value in terms.elbo[0]}) == 5
    shapes = jax.tree.map(jnp.shape, statistics)
    assert shapes == jax.tree.map(jnp.shape, variables["batch_stats"])


def test_a_single_sample_is_what_two_equal_ones_are(model):
    """It has no mapped axis of its own; statistics are those of its items alone."""
    network, variables = model
    x, labels = binary_sets(3, 4)
    mapped = jax.jit(map_objective(context_aware_elbo, network))
    one = dataset_keys(jax.random.key(1), 0, 3, 1)
    terms, statistics = mapped(variables, one, x, labels)
    of_two, statistics_of_two = mapped(variables, jnp.concatenate([one, one], 1), x, labels)
    assert terms.elbo.shape == (3, 1)
    assert_close(terms, jax.tree.map(lambda term: term[:, :1], of_two))
    assert_close(statistics, statistics_of_two)


def test_the_axis_of_samples_is_there_where_there_are_several(model):
    network, variables = model
    x, labels = binary_sets(3, 4)
    axes = []

    def watched(key, generative, inference, *data):
        axes.append({name for name in ("dataset", "sample") if _is_mapped(name)})
        return context_aware_elbo(key, generative, inference, *data)

    for samples in (1, 2):
        keys = dataset_keys(jax.random.key(1), 0, 3, samples)
        jax.eval_shape(map_objective(watched, network), variables, keys, x, labels)
    assert axes == [{"dataset"}, {"dataset", "sample"}]


def _is_mapped(name):
    try:
        return jax.lax.axis_size(name) > 0
    except NameError:
        return False


def test_samples_do_not_repeat_the_encoder_s_products_in_evaluation():
    network, variables = small_model(hidden=Hidden(8, 2, "none"))
    x, labels = binary_sets(2, 3)
    mapped = map_objective(context_aware_elbo, network, training=False)

    def products_of_the_pixels(samples):
        keys = dataset_keys(jax.random.key(1), 0, 2, samples)
        program = jax.make_jaxpr(mapped)(variables, keys, x, labels)
        return [
            equation.invars[0].aval.shape
            for equation in program.jaxpr.eqns
            if equation.primitive.name == "row_product" and 64 in equation.invars[0].aval.shape
        ]

    assert products_of_the_pixels(7) == products_of_the_pixels(1) == [(2, 3, 64)]


@pytest.mark.parametrize("network", [{}, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_samples_do_not_repeat_the_encoder_in_training(network):
    """Forwards and backwards; normalising by a batch's statistics only adds to it."""

    def of_the_encoder(norm):
        two, three = (
            operations_of_the_gradient(samples, hidden=Hidden(8, 2, norm), **network)
            for samples in (2, 3)
        )
        return two - 2 * (three - two)

    assert of_the_encoder("batch") > of_the_encoder("none") > 0


def operations_of_the_gradient(samples, **changes):
    """Floating-point operations of the bound's gradient, in training."""
    network, variables = small_model(**changes)
    x, labels = binary_sets(2, 3)
    mapped = map_objective(context_aware_elbo, network)
    keys = dataset_keys(jax.random.key(1), 0, 2, samples)

    def bound(params):
        return mapped({**variables, "params": params}, keys, x, labels)[0].elbo.sum()

    program = jax.jit(jax.grad(bound)).lower(variables["params"])
    return program.cost_analysis()["flops"]


def test_keys_belong_to_global_indices():
    key = jax.random.key(3)
    whole = jax.random.key_data(dataset_keys(key, 0, 6, 2))
    parts = [jax.random.key_data(dataset_keys(key, first, 3, 2)) for first in (0, 3)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert len(np.unique(whole.reshape(12, -1), axis=0)) == 12


def test_what_a_model_infers_of_a_set_does_not_depend_on_its_batch_mates(model):
    network, variables = model
    x, labels = binary_sets(4, 3)

    def means(generative, inference, x, a):
        return inference.constant_contexts(inference.encode(x), a, None).mean()

    mapped = jax.jit(map_model(means, network))
    together = mapped(variables, x, labels)
    alone = np.concatenate([mapped(variables, x[i : i + 1], labels[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def initial(key):
    x, labels = binary_sets(1, 3)
    return init_variables(context_aware_elbo, small_model()[0], key, x[0], labels[0])


def test_initial_variables_are_the_same_inside_a_transformation():
    """There the caller compiles them, with optimisation: they may differ in the last bits."""
    alone = initial(jax.random.key(3))
    assert_close(jax.jit(initial)(jax.random.key(3)), alone, scale=1e-7)
    shapes = jax.eval_shape(lambda: initial(jax.random.key(3)))
    assert jax.tree.map(jnp.shape, alone) == jax.tree.map(jnp.shape, shapes)


def test_initial_variables_are_drawn_on_the_host_and_go_where_they_are_used(monkeypatch):
    """The second CPU stands for the host, the first for an accelerator, the default device."""
    default, host = jax.devices()
    monkeypatch.setattr(mapping.jax, "local_devices", lambda backend: {"cpu": [host]}[backend])
    leaf = jax.tree.leaves(initial(jax.random.key(3)))[0]
    assert leaf.devices() == {host}
    assert (leaf + jax.device_put(leaf, default)).devices() == {default}


def test_where_jax_was_told_to_leave_the_cpu_alone_they_are_drawn_on_the_accelerator(monkeypatch):
    def no_cpu(backend):
        raise RuntimeError(f"Unknown backend {backend}")

    expected = initial(jax.random.key(3))
    monkeypatch.setattr(mapping.jax, "local_devices", no_cpu)
    jax.tree.map(np.testing.assert_array_equal, initial(jax.random.key(3)), expected)


def other_width():
    return small_model(encoder=DenseEncoder(9))[1]


def missing_bias():
    variables = small_model()[1]
    encoder = variables["params"]["encoder"]
    without = {name: leaf for name, leaf in encoder.items() if name != next(iter(encoder))}
    return {**variables, "params": {**variables["params"], "encoder": without}}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (other_width, r"params/encoder/\S+ is \(9,\), wanted \(8,\)"),
        (lambda: small_model((9, 9))[1], r"params/encoder/\S+/kernel is \(81, 8\), wanted \(64, 8"),
        (missing_bias, r"params/encoder/\S+ is missing, wanted \("),
    ],
    ids=["width", "image size", "missing"],
)
@pytest.mark.parametrize("use", ["training", "evaluation", "function"])
def test_another_model_s_variables_are_named_with_both_shapes(use, others, message, model):
    network, variables = model[0], others()
    x, labels = binary_sets(2, 3)
    keys = dataset_keys(jax.random.key(1), 0, 2, 2)
    if use == "function":
        mapped, data = map_model(lambda _, inference, x: inference.encode(x), network), (x,)
    else:
        mapped = map_objective(context_aware_elbo, network, training=use == "training")
        data = (keys, x, labels)
    with pytest.raises(InputError, match=message) as error:
        jax.jit(mapped)(variables, *data)
    assert "\n" not in str(error.value)
    assert "accepted: those of a ContextAwareLearner of the same config" in str(error.value)


def test_an_error_of_flax_about_the_model_itself_is_left(model):
    network, variables = model

    def lost(generative, inference, x):
        raise flax.errors.InvalidRngError("no key")

    with pytest.raises(flax.errors.InvalidRngError):
        map_model(lost, network)(variables, binary_sets(1, 2)[0])
