"""Configurations refuse what fits no model, in one line that says what is accepted."""

import inspect

import pytest

from cal_jax.errors import InputError
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.components.decoders import ConvDecoder, DenseDecoder
from cal_jax.models.components.encoders import ConvEncoder, DenseEncoder, EquivariantEncoder
from cal_jax.models.components.likelihoods import Categorical, DiscretizedLogistic, Normal
from cal_jax.models.context_aware.actions import Inversion, Rotation
from cal_jax.models.context_aware.config import (
    RESERVED,
    Context,
    ContextAwareConfig,
    Latent,
    named,
)
from cal_jax.models.context_aware.labels import PooledLabels, RelationalLabels
from cal_jax.models.context_aware.posteriors import (
    Attention,
    Experts,
    FlowPosterior,
    Statistic,
)
from cal_jax.models.context_aware.priors import CouplingFlow, LearnedGaussian, Mixture, Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.plain_config import from_plain, to_plain
from tests.small_models import INVERTING, ROTATING, small_config


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Hidden(norm="group"), "norm must be one of batch, layer, weight, none"),
        (lambda: Hidden(width=0), "width must be at least 1"),
        (lambda: Hidden(depth=0), "depth must be at least 1"),
        (lambda: Mixture(components=0), "components must be at least 1"),
        (lambda: CouplingFlow(layers=0), "layers must be at least 1"),
        (lambda: CouplingFlow(width=0), "width must be at least 1"),
        (lambda: LearnedGaussian(sees="items"), "sees must be one of nothing, mask, constants"),
        (lambda: Latent(0), "dim must be at least 1"),
        (
            lambda: Latent(2, LearnedGaussian(sees="mask")),
            "latent.prior.sees must be one of contexts: got 'mask'",
        ),
        (lambda: Statistic(0), "width must be at least 1"),
        (lambda: Statistic(covariance="low-rank"), "covariance must be one of diagonal, full"),
        (lambda: Attention(8, heads=3), "heads must divide width 8: got 3"),
        (lambda: Attention(8, heads=0), "heads must be at least 1"),
        (lambda: Experts(-1), "width must be at least 0"),
        (lambda: FlowPosterior(layers=0), "layers must be at least 1"),
        (lambda: FlowPosterior(flow_width=0), "flow_width must be at least 1"),
        (lambda: PooledLabels(num_labels=0), "num_labels must be at least 1"),
        (lambda: PooledLabels(pre_width=0), "pre_width must be at least 1"),
        (lambda: RelationalLabels(width=6), "heads must divide width 6: got 4"),
        (lambda: DenseEncoder(0), "width must be at least 1"),
        (lambda: EquivariantEncoder(0), "width must be at least 1"),
        (lambda: DenseDecoder(0), "width must be at least 1"),
        (lambda: ConvEncoder(()), r"widths must be one or more sizes of at least 1: got \(\)"),
        (lambda: ConvDecoder((4, 0)), r"widths must be one or more sizes of at least 1"),
        (lambda: Normal(scale=0.0), "scale must be positive and finite, or None: got 0.0"),
        (lambda: Normal(scale=float("inf")), "scale must be positive and finite"),
        (lambda: Normal(log_variance_range=(3.0, -4.0)), "log_variance_range must be"),
        (lambda: DiscretizedLogistic(levels=1), "levels must be at least 2"),
        (lambda: DiscretizedLogistic(levels=65_537), "levels must be at most 65536: got 65537"),
        (
            lambda: DiscretizedLogistic(smallest_log_scale=float("-inf")),
            "smallest_log_scale must be finite and at least -30",
        ),
        (lambda: Categorical(1), "values must be at least 2"),
    ],
)
def test_a_component_names_its_bad_choice(build, message):
    with pytest.raises(InputError, match=message) as error:
        build()
    assert "\n" not in str(error.value)


ROTATION, INVERSION = Context("r", Rotation()), Context("i", Inversion())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contexts": ()}, "contexts must be one or more of different names"),
        ({"contexts": named("digit", "digit")}, "contexts must be one or more of different names"),
        ({"context_dim": 0}, "context_dim must be at least 1"),
        (
            {"constant_prior": Mixture(sees="constants")},
            "constant_prior.sees must be one of nothing, mask: got 'constants'",
        ),
        (
            {"varying_prior": CouplingFlow(sees="mask")},
            "varying_prior.sees must be one of nothing, constants: got 'mask'",
        ),
        (
            {**ROTATING, "contexts": (Context("a"), ROTATION, Context("s", Rotation()))},
            "contexts r, s have the same action: accepted is once",
        ),
        (
            {**ROTATING, "contexts": (ROTATION, INVERSION)},
            "every context has an action: accepted is all but one, got r, i",
        ),
        (
            {**INVERTING, "posterior": Experts(8)},
            "an action of background needs the posterior SharedExperts: got Experts",
        ),
        (
            {**INVERTING, "likelihood": Normal()},
            "an Inversion needs the likelihood Bernoulli: got Normal",
        ),
        (
            {**ROTATING, "encoder": ConvEncoder((2, 3))},
            "Rotation and an EquivariantEncoder need each other: got the encoder ConvEncoder and "
            "the actions Rotation",
        ),
        (
            {"encoder": EquivariantEncoder(8)},
            "need each other: got the encoder EquivariantEncoder and the actions none",
        ),
    ],
)
def test_a_model_names_choices_that_do_not_fit_each_other(changes, message):
    with pytest.raises(InputError, match=message) as error:
        small_config(**changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "event_shape", "message"),
    [
        ({**ROTATING, "context_dim": 3}, (8, 8), "context_dim must be at least 4 for a Rotation"),
        (ROTATING, (8, 9), r"Rotation takes square images \[H, H\] of one channel: .* \(8, 9\)"),
        (ROTATING, (8, 8, 3), "Rotation takes square images"),
    ],
)
def test_a_model_names_items_on_which_an_action_has_no_place(changes, event_shape, message):
    with pytest.raises(InputError, match=message):
        small_config(**changes).sizes(event_shape)


def test_convolutions_take_images_alone():
    sizes = small_config().sizes((10,))
    with pytest.raises(InputError, match=r"ConvEncoder takes images .* items have shape \(10,\)"):
        ConvEncoder((2, 3)).network(sizes)
    with pytest.raises(InputError, match=r"ConvDecoder takes images .* items have shape \(10,\)"):
        ConvDecoder((2, 3)).network((10,), sizes)


def test_an_equivariant_encoder_takes_square_images_alone():
    with pytest.raises(InputError, match="EquivariantEncoder takes square images"):
        EquivariantEncoder(8).network(small_config().sizes((8, 9)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        ROTATING,
        INVERTING,
        {
            "posterior": FlowPosterior(8, layers=2),
            "constant_prior": Mixture(sees="mask", components=3),
            "varying_prior": Standard(),
            "likelihood": Normal(scale=0.5, log_variance_range=(-3.0, 2.0)),
            "labels": RelationalLabels(3, width=8),
            "encoder": ConvEncoder((2, 3)),
            "latent": Latent(3, CouplingFlow(sees="contexts")),
        },
        {"posterior": Attention(8, "full"), "likelihood": Categorical(7)},
    ],
)
def test_what_is_written_to_a_file_reads_back_as_the_same_config(changes):
    config = small_config(**changes)
    assert from_plain(ContextAwareConfig, to_plain(config)) == config


def test_every_argument_beside_the_contexts_of_a_synthesis_is_refused_as_a_context_s_name():
    arguments = inspect.signature(TrainedLearner.synthesise).parameters.values()
    beside = [one.name for one in arguments if one.kind is not inspect.Parameter.VAR_KEYWORD]
    assert sorted(beside) == sorted(RESERVED)
    for name in beside:
        with pytest.raises(InputError, match=f"^context '{name}': .*; accepted: any but self, "):
            named("digit", name)
