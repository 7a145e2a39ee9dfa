"""A model on disk: what was saved comes back, and nothing else is taken for it."""

import json
from functools import cache, partial

import jax
import numpy as np
import pytest
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.labels import infer_labels
from cal_jax.inference.mapping import init_variables
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.context_aware.config import Context, Latent
from cal_jax.models.context_aware.labels import PooledLabels, RelationalLabels
from cal_jax.models.context_aware.posteriors import FlowPosterior
from cal_jax.models.context_aware.priors import Mixture, Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.label import label_elbo
from tests.small_models import binary_sets, small_model


@cache
def trained():
    model, variables = small_model()
    return TrainedLearner(model, variables, 5, "static")


def flat(variables):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]


def test_what_was_saved_comes_back(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", trained())
    got = weights.load(path)
    assert got._replace(variables=None) == trained()._replace(variables=None)
    for a, b in zip(flat(got.variables), flat(trained().variables), strict=True):
        np.testing.assert_array_equal(a, b)


def test_half_of_the_bytes_keep_the_parameters_to_three_digits(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", trained(), half=True)
    assert path.stat().st_size < weights.save(tmp_path / "b", trained()).stat().st_size
    for a, b in zip(flat(weights.load(path).variables), flat(trained().variables), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_a_run_leaves_float32_then_float16_then_nothing(tmp_path, monkeypatch):
    path = tmp_path / "w"
    whole = weights.save(path, trained()).stat().st_size
    half = weights.save(path, trained(), half=True).stat().st_size
    sizes = []
    for largest in (whole, half, half - 1):
        monkeypatch.setattr(weights, "LARGEST", largest)
        written = weights.save_if_small(path, trained())
        sizes.append(written and written.stat().st_size)
    assert sizes == [whole, half, None]


def changed(path, alter):
    """A file like the one at ``path``, its tensors and its description altered."""
    body = path.read_bytes()
    size = int.from_bytes(body[:8], "little")
    metadata = json.loads(body[8 : 8 + size])["__metadata__"]
    about = json.loads(metadata["trained"])
    tensors = from_bytes(body)
    alter(tensors, about)
    metadata["trained"] = json.dumps(about, sort_keys=True)
    path.write_bytes(to_bytes(tensors, metadata))


def flip(tensors, about):
    name = next(iter(tensors))
    tensors[name] = tensors[name] + 1


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (flip, "damaged or was changed: the digests differ"),
        (lambda t, about: t.pop(next(iter(t))), "is missing, wanted"),
        (lambda t, about: about["config"].update(context_dim=4), "not of the config's model"),
        (lambda t, about: about["config"].update(nonsense=1), "unknown field nonsense; accepted: "),
        (
            lambda t, about: about["config"]["hidden"].update(norm="loud"),
            "norm: 'loud'; accepted: one of",
        ),
        (lambda t, about: about["config"]["contexts"].pop(), "not of the config's model"),
        (
            lambda t, about: about["config"]["contexts"][0].update(name="context_1"),
            "contexts must be one or more of different names",
        ),
        (lambda t, about: about["config"]["contexts"][0].update(name="tone"), "the digests differ"),
        (lambda t, about: about["config"]["posterior"].update(kind="Vamp"), "Vamp"),
        (lambda t, about: about.pop("event_shape"), "does not describe"),
        (lambda t, about: about.update(event_shape=[9, 8]), "not of the config's model"),
        (lambda t, about: about.update(event_shape=["a"]), "does not describe"),
        (lambda t, about: about.update(binarisation="loud"), "binarisation 'loud'; accepted: None"),
        (
            lambda t, about: about["config"].update(labels={"kind": "PooledLabels"}),
            r"params/label_network/\S+ is missing, wanted",
        ),
        (lambda t, about: about.update(set_size=6), "the digests differ"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_in_one_line(alter, message, tmp_path):
    path = weights.save(tmp_path / "w.safetensors", trained())
    changed(path, alter)
    with pytest.raises(InputError, match=message) as error:
        weights.load(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_a_damaged_or_a_missing_file_is_named(tmp_path):
    path = weights.save(tmp_path / "w.safetensors", trained())
    path.write_bytes(path.read_bytes()[:-5])
    for file in (path, tmp_path / "none"):
        with pytest.raises(InputError, match="cannot read the weights"):
            weights.load(file)


def test_another_model_s_variables_are_not_saved(tmp_path):
    other = trained()._replace(model=small_model(context_dim=5)[0])
    with pytest.raises(InputError, match="not of the config's model"):
        weights.save(tmp_path / "w", other)


def test_a_model_of_any_items_contexts_and_components_comes_back(tmp_path):
    model, variables = small_model(
        (5, 3),
        contexts=(Context("speaker"), Context("vowel"), Context("tone")),
        likelihood=Normal(scale=0.5),
        posterior=FlowPosterior(8, layers=2),
        constant_prior=Mixture(components=3),
        latent=Latent(4, Standard()),
    )
    saved = TrainedLearner(model, variables, 7)
    got = weights.load(saved.save(tmp_path / "w.safetensors"))
    assert got._replace(variables=None) == saved._replace(variables=None)
    assert got.names == ("speaker", "vowel", "tone") and got.binarisation is None
    x = np.zeros((4, 5, 3), np.float32)
    for name, found in got.contexts(x, ("vowel",)).items():
        np.testing.assert_array_equal(found, saved.contexts(x, ("vowel",))[name])


@pytest.mark.parametrize("labels", [PooledLabels(3, 8, 5), RelationalLabels(3, width=8)])
def test_a_model_of_inferred_masks_comes_back_and_predicts_the_same(labels, tmp_path):
    model = small_model(labels=labels, hidden=Hidden(8, 2, "layer"))[0]
    x, support, log_prior = binary_sets(6, 4)[0], np.eye(3, 2), np.zeros(3)
    bound = partial(label_elbo, estimator="exact")
    variables = init_variables(bound, model, jax.random.key(0), x[0], support, log_prior)
    saved = TrainedLearner(model, variables, 4)
    got = weights.load(saved.save(tmp_path / "w.safetensors"))
    assert got._replace(variables=None) == saved._replace(variables=None)
    masks = infer_labels(got.model, got.variables, x)
    np.testing.assert_array_equal(masks, infer_labels(model, variables, x))
    assert masks.shape == (6, 3) and len(np.unique(masks)) > 6
