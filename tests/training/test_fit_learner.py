"""The ten lines that take a user's arrays to a trained model, on arrays of three shapes."""

import numpy as np
import pytest

import cal_jax
from cal_jax.data.mask_mix import all_masks
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.components.likelihoods import Bernoulli, DiscretizedLogistic, Normal
from cal_jax.models.context_aware.config import Latent
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import LearnedGaussian
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from cal_jax.training.factor_sets import FactorSets

EVENTS = {"vectors": (7,), "images": (8, 8), "colour": (6, 6, 3)}
LIKELIHOODS = {"vectors": Normal, "images": Bernoulli, "colour": DiscretizedLogistic}
TINY = TrainingConfig(steps=4, batch_size=4, chunk_steps=2, learning_rate=2e-3, alpha=0.0)
SMALL = {
    "context_dim": 3,
    "latent": Latent(2),
    "encoder": DenseEncoder(12),
    "decoder": DenseDecoder(12),
    "posterior": SharedExperts(8),
    "constant_prior": LearnedGaussian(),
    "varying_prior": LearnedGaussian(sees="constants"),
    "hidden": Hidden(width=8),
}
"""Choices that compile sooner."""


def arrays(kind, factors=2, items=240):
    """Items [I, *X] that are what their factors' three values look like, added; and the looks."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 3, (items, factors))
    looks = 2 * rng.normal(size=(factors, 3, *EVENTS[kind]))
    x = sum(looks[k][values[:, k]] for k in range(factors))
    x = x + 0.3 * rng.normal(size=x.shape)
    if kind == "colour":
        return np.clip(128 + 30 * x, 0, 255).astype(np.uint8), values, looks
    return (x > 0 if kind == "images" else x).astype(np.float32), values, looks


def dataset(kind, factors=2, items=240):
    x, values, _ = arrays(kind, factors, items)
    return cal_jax.FactorDataset(x, {f"factor_{k}": values[:, k] for k in range(factors)})


def assert_finite(trained):
    for record in trained.training.metrics:
        assert all(np.isfinite(np.asarray(value)).all() for value in record.values())


@pytest.mark.parametrize("kind", EVENTS)
def test_ten_lines_take_arrays_to_a_trained_model(kind, tmp_path):
    x, values, _ = arrays(kind)
    speaker, vowel = np.array(["ann", "bob", "cas"])[values[:, 0]], values[:, 1]
    x_a, x_b = x[vowel == 1][:6], x[speaker == "cas"][:4]

    data = cal_jax.FactorDataset(x, {"speaker": speaker, "vowel": vowel})
    learner = cal_jax.ContextAwareLearner.for_data(data, contexts=("speaker", "vowel"))
    trained = cal_jax.fit(learner, data, steps=2, seed=0, run_dir=tmp_path / "run")
    made = trained.synthesise(vowel=x_a, speaker=x_b)
    contexts = trained.contexts(x_a, constant=("vowel",))
    trained.save(tmp_path / "model.safetensors")

    assert isinstance(learner.config.likelihood, LIKELIHOODS[kind])
    assert_finite(trained)
    assert (tmp_path / "run" / "metrics.jsonl").exists()
    assert made.samples.shape == made.means.shape == (10, *EVENTS[kind])
    learner.config.likelihood.check(made.samples, "samples")
    assert contexts["vowel"].shape == (16,) and contexts["speaker"].shape == (6, 16)
    again = weights.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.contexts(x_a, ("vowel",))["vowel"], contexts["vowel"])


def test_a_synthesised_set_is_nearest_to_the_values_of_its_sources():
    x, values, looks = arrays("vectors")
    learner = cal_jax.ContextAwareLearner.for_data(
        dataset("vectors"), ("factor_0", "factor_1"), **SMALL
    )
    config = TrainingConfig(
        steps=1_500,
        batch_size=16,
        chunk_steps=500,
        learning_rate=5e-3,
        schedule="cosine",
        alpha=0.0,
    )
    trained = cal_jax.fit(learner, dataset("vectors"), config=config)
    places = looks[0][:, None] + looks[1][None]
    right = 0
    for first in range(3):
        for second in range(3):
            sources = {
                "factor_0": x[values[:, 0] == first][:10],
                "factor_1": x[values[:, 1] == second][:10],
            }
            mean = trained.synthesise(**sources).means.mean(axis=0)
            distance = np.linalg.norm(places - mean[None, None], axis=2)
            right += np.unravel_index(distance.argmin(), (3, 3)) == (first, second)
    assert right >= 8
    evidence = trained.log_evidence(x[values[:, 1] == 1][:10])
    assert np.exp(evidence.log_posterior).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("factors", [1, 6])
def test_any_number_of_contexts_trains_on_sets_of_any_size(factors):
    data = dataset("vectors", factors, items=400)
    learner = cal_jax.ContextAwareLearner.for_data(data, data.names, **SMALL)
    sets = FactorSets(data, set_size=(3, 6))
    trained = cal_jax.fit(learner, sets, config=TINY)
    assert_finite(trained)
    assert trained.names == data.names and trained.set_size == 6
    assert np.shape(trained.training.metrics[-1]["kl_constant"]) == (factors,)


def test_masks_of_ragged_sets_are_inferred_by_one_argument():
    data = dataset("vectors")
    learner = cal_jax.ContextAwareLearner.for_data(data, data.names, masks="inferred", **SMALL)
    sets = FactorSets(data, set_size=(3, 6), num_sets=24, known=8)
    trained = cal_jax.fit(learner, sets, config=TINY)
    assert_finite(trained)
    confusion = np.asarray(trained.training.metrics[-1]["confusion"])
    assert confusion.shape == (2, 2) and confusion.sum() > 0
    learned = trained.training.memory
    assert int(learned.batches) == TINY.steps and np.exp(learned.log_prior).sum() == pytest.approx(
        1
    )


def test_wrong_data_never_trains():
    data = dataset("images")
    learner = cal_jax.ContextAwareLearner.for_data(data, data.names, **SMALL)
    factors = {name: data.factors[name] for name in data.names}
    grey = cal_jax.FactorDataset(255 * data.items, factors)
    with pytest.raises(InputError, match=r"items: .*255"):
        cal_jax.fit(learner, grey, config=TINY)
    with pytest.raises(InputError, match=r"items of shape \(7,\); accepted: \(8, 8\)"):
        cal_jax.fit(learner, dataset("vectors"), config=TINY)
    with pytest.raises(InputError, match="factor 'factor_1'"):
        cal_jax.fit(learner, dataset("images", factors=1), config=TINY)
    with pytest.raises(InputError, match=r"items: .*finite"):
        cal_jax.FactorDataset(np.full((4, 7), np.nan, np.float32), {"a": [0, 0, 1, 1]})
    with pytest.raises(InputError, match="known 3: accepted with num_sets"):
        cal_jax.fit(learner, FactorSets(data, known=3), config=TINY)
    with pytest.raises(InputError, match="masks 'guessed'; accepted: known, inferred"):
        cal_jax.ContextAwareLearner.for_data(data, data.names, masks="guessed")
    with pytest.raises(InputError, match="factor 'pitch'"):
        cal_jax.ContextAwareLearner.for_data(data, ("pitch",))
    few = data.take(np.arange(5))
    with pytest.raises(InputError, match="set"):
        cal_jax.fit(learner, FactorSets(few, set_size=6, mix=[(all_masks(2)[0], 1.0)]))
