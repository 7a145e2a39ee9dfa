"""A trained learner by the names of its contexts: sets, contexts, evidence, and its errors."""

from functools import cache

import flax.linen as nn
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.config import named
from tests.small_models import binary_sets, small_model

NAMES = ("digit", "colour")


@cache
def trained():
    model, variables = small_model(contexts=named(*NAMES))
    return TrainedLearner(model, variables, set_size=5)


@cache
def sets():
    return binary_sets(3, 4)[0]


def test_it_knows_its_contexts_by_name():
    assert trained().names == NAMES
    assert trained().config is trained().model.config


def test_contexts_of_one_set_are_those_of_the_first_of_many():
    many = trained().contexts(sets(), ("colour",))
    one = trained().contexts(sets()[0], ["colour"])
    assert many["colour"].shape == (3, 3) and many["digit"].shape == (3, 4, 3)
    assert one["colour"].shape == (3,) and one["digit"].shape == (4, 3)
    for name in NAMES:
        np.testing.assert_allclose(one[name], many[name][0], atol=1e-6)
        assert np.all(one[name] != 0)


def test_contexts_all_vary_unless_told_otherwise_and_all_may_be_constant():
    varying, constant = trained().contexts(sets()[0]), trained().contexts(sets()[0], NAMES)
    assert {array.shape for array in varying.values()} == {(4, 3)}
    assert {array.shape for array in constant.values()} == {(3,)}


def test_items_that_do_not_count_change_no_context_whatever_they_hold():
    padded = np.concatenate([sets()[0], np.full((2, 8, 8), np.nan, np.float32)])
    mask = np.array([1, 1, 1, 1, 0, 0])
    got = trained().contexts(padded, ("digit",), mask=mask)
    want = trained().contexts(sets()[0], ("digit",))
    np.testing.assert_allclose(got["digit"], want["digit"], atol=1e-5)
    np.testing.assert_allclose(got["colour"][:4], want["colour"], atol=1e-5)


def test_sets_from_the_priors_follow_the_seed_and_are_of_the_size_asked_for():
    first, again, other = (trained().sample(("digit",), seed=seed) for seed in (0, 0, 1))
    assert first.samples.shape == first.means.shape == (5, 8, 8)
    assert set(np.unique(first.samples)) <= {0.0, 1.0}
    np.testing.assert_array_equal(first.samples, again.samples)
    assert np.any(first.samples != other.samples)
    assert trained().sample(num_items=2).samples.shape == (2, 8, 8)


def test_a_synthesis_has_the_constant_contexts_of_its_sources(monkeypatch):
    digit, colour = sets()[0], 1 - sets()[1]
    seen = {}

    class Watched:
        def from_constants(self, key, constants, a):
            seen.update(constants=constants, a=a)
            return constants

    monkeypatch.setattr(TrainedLearner, "_sampler", lambda self, num_items: Watched())
    trained().synthesise(colour=colour)
    np.testing.assert_array_equal(seen["a"], [0, 1])
    want = trained().contexts(colour, ("colour",))["colour"]
    np.testing.assert_allclose(seen["constants"], [np.zeros(3), want], atol=1e-6)
    trained().synthesise(colour=colour, digit=digit)
    np.testing.assert_array_equal(seen["a"], [1, 1])
    want = [
        trained().contexts(x, (name,))[name] for name, x in zip(NAMES, (digit, colour), strict=True)
    ]
    np.testing.assert_allclose(seen["constants"], want, atol=1e-6)


def test_a_synthesis_follows_its_sources_and_its_seed():
    one, again = (trained().synthesise(digit=sets()[0], seed=3) for _ in range(2))
    other = trained().synthesise(digit=1 - sets()[0], seed=3)
    later = trained().synthesise(digit=sets()[0], seed=4)
    assert one.samples.shape == one.means.shape == (5, 8, 8)
    np.testing.assert_array_equal(one.means, again.means)
    assert np.any(one.means != other.means) and np.any(one.means != later.means)
    assert trained().synthesise(digit=sets()[0], num_items=2).means.shape == (2, 8, 8)


def test_decoded_items_are_the_likelihood_s_means_at_the_contexts_and_z_s_prior_mean():
    rng = np.random.default_rng(3)
    digit, colour = rng.normal(size=(2, 4, 3)).astype(np.float32)
    found = trained().decode({"colour": colour, "digit": digit})

    def by_hand(module):
        generative, contexts = module.generative(), np.stack([digit, colour], axis=1)
        z = generative.latent_prior(contexts).mean()
        assert np.ptp(np.asarray(z)) > 0
        return generative.likelihood(z, contexts).mean()

    want = nn.apply(by_hand, trained().model)(trained().variables)
    np.testing.assert_allclose(found, want, atol=1e-6)
    shared = trained().decode({"colour": colour, "digit": digit[1]})
    np.testing.assert_allclose(shared[1], found[1], atol=1e-6)
    assert trained().decode({"colour": colour[0], "digit": digit[1]}).shape == (1, 8, 8)


def test_evidence_without_a_support_is_that_of_one_constant_context_each():
    one = trained().log_evidence(sets()[0])
    assert one.log_evidence.shape == one.log_posterior.shape == (2,)
    np.testing.assert_allclose(np.exp(one.log_posterior).sum(), 1.0, rtol=1e-5)
    assert np.all(one.constants[0, 1] == 0) and np.all(one.constants[1, 0] == 0)
    again = trained().log_evidence(sets()[0], np.eye(2), mask=np.ones(4))
    np.testing.assert_allclose(one.log_evidence, again.log_evidence, rtol=1e-5)
    assert trained().log_evidence(sets(), np.ones((1, 2))).log_evidence.shape == (3, 1)


def test_what_was_saved_answers_as_it_did(tmp_path):
    path = trained().save(tmp_path / "w.safetensors")
    got = weights.load(path)
    assert got.names == NAMES and got.set_size == 5 and got.binarisation is None
    x = sets()[0]
    np.testing.assert_array_equal(got.sample(seed=2).means, trained().sample(seed=2).means)
    np.testing.assert_array_equal(got.contexts(x)["digit"], trained().contexts(x)["digit"])
    half = trained().save(str(tmp_path / "half"), half=True)
    assert half.stat().st_size < path.stat().st_size


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda t: t.synthesise(), "sources: none; accepted: sets by name, of digit, colour"),
        (lambda t: t.synthesise(tone=sets()[0]), "sources: no context tone; accepted: digit, col"),
        (
            lambda t: t.sample(("tone", "x")),
            "constant: no context tone, x; accepted: digit, colour",
        ),
        (lambda t: t.sample("digit"), "constant: 'digit' is one name; accepted: names, as"),
        (lambda t: t.sample(num_items=0), "num_items must be at least 1: got 0"),
        (lambda t: t.synthesise(digit=sets()), r"digit: shape \(3, 4, 8, 8\); accepted: one set"),
        (lambda t: t.contexts(sets()[0], ("tone",)), "constant: no context tone"),
        (lambda t: t.contexts(sets()[0][0]), r"x: shape \(8, 8\); accepted: \[M, N, 8, 8\] or"),
        (lambda t: t.contexts(sets()[:, :0]), "accepted: 1 set or more of 1 item or more"),
        (lambda t: t.contexts(2 * sets()[0]), "accepted: 0 and 1"),
        (lambda t: t.contexts(sets()[0], mask=np.ones(3)), r"mask: shape \(3,\); accepted: \(4,\)"),
        (lambda t: t.log_evidence(sets()[0], np.eye(3)), "support: shape"),
        (lambda t: t.decode({"digit": np.ones(3)}), "contexts: no colour; accepted: every one"),
        (lambda t: t.decode({"tone": np.ones(3)}), "contexts: no context tone"),
        (
            lambda t: t.decode({"digit": np.ones((4, 3)), "colour": np.ones((2, 3))}),
            r"colour: shape \(2, 3\); accepted: \[4, 3\], \[3\]",
        ),
        (lambda t: t.log_evidence(0.5 * sets()[0]), "x: values from 0 to 0.5; accepted: 0 and 1"),
    ],
)
def test_bad_input_is_one_line(ask, message):
    with pytest.raises(InputError, match=message) as error:
        ask(trained())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "use",
    [
        lambda learner, x: learner.contexts(x),
        lambda learner, x: learner.synthesise(digit=x),
        lambda learner, x: learner.sample(),
        lambda learner, x: learner.log_evidence(x),
        lambda learner, x: learner.decode({name: np.zeros(3) for name in NAMES}),
    ],
)
def test_a_model_of_another_image_size_names_the_parameter_of_another_shape(use):
    other = trained()._replace(model=small_model((9, 9), contexts=named(*NAMES))[0])
    with pytest.raises(InputError, match=r"variables: not of this model: params/\S+ is \(\d+"):
        use(other, np.zeros((4, 9, 9), np.float32))
