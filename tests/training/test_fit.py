"""``fit``: any model and data, in memory or in a folder, resumed, refused where it is wrong."""

import dataclasses
import os
import signal

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import cal_jax
from cal_jax.data.set_samplers import SetSampler
from cal_jax.data.sets import validate_sets
from cal_jax.errors import InputError
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.models.components.decoders import MLPDecoder
from cal_jax.models.components.encoders import MLPEncoder
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import Objective, TrainingConfig
from cal_jax.training.fit import fit
from cal_jax.training.step import DataSet
from tests.small_models import binary_sets, small_model
from tests.training.toy_task import assert_bit_equal

CONFIG = TrainingConfig(steps=6, batch_size=4, chunk_steps=2, learning_rate=1e-2)
STRIPES = np.tile(np.arange(8) % 2, (32, 1)).astype(np.float32)
STRIPES[::2] = 1 - STRIPES[::2]
"""Items [M, 8] of one bit."""


@pytest.fixture(name="statistician", scope="module")
def small_statistician():
    return NeuralStatistician(NeuralStatisticianConfig(latent_dim=2, hidden=Hidden(4, 1)), (2,))


def points(sets=12, items=3):
    return np.random.default_rng(0).normal(size=(sets, items, 2)).astype(np.float32)


class EquinoxVAE(eqx.Module):
    """p(x | z) and q(z | x), one layer each; z has one dimension."""

    encoder: eqx.nn.Linear
    decoder: eqx.nn.Linear

    def __init__(self, key):
        first, second = jax.random.split(key)
        self.encoder = eqx.nn.Linear(8, 2, key=first)
        self.decoder = eqx.nn.Linear(1, 8, key=second)

    def posterior(self, x):
        mean, log_variance = jnp.split(self.encoder(x), 2)
        return cal_jax.diagonal_gaussian(mean, log_variance)

    def prior(self):
        return cal_jax.standard_gaussian((1,))

    def likelihood(self, z):
        return cal_jax.bernoulli(self.decoder(z), event_ndims=1)


class NNXVAE(nnx.Module):
    """The same."""

    def __init__(self, rngs):
        self.encoder = nnx.Linear(8, 2, rngs=rngs)
        self.decoder = nnx.Linear(1, 8, rngs=rngs)

    posterior, prior, likelihood = (
        EquinoxVAE.__dict__[name] for name in ("posterior", "prior", "likelihood")
    )


def equinox_model():
    _, rest = eqx.partition(EquinoxVAE(jax.random.key(0)), eqx.is_array)
    return cal_jax.PureModel(
        lambda key: eqx.filter(EquinoxVAE(key), eqx.is_array),
        lambda params: (eqx.combine(params, rest),) * 2,
    )


def nnx_model():
    graph, _ = nnx.split(NNXVAE(nnx.Rngs(0)))
    return cal_jax.PureModel(
        lambda key: nnx.state(NNXVAE(nnx.Rngs(key))),
        lambda params: (nnx.merge(graph, params),) * 2,
    )


@pytest.mark.parametrize("model", [equinox_model, nnx_model])
def test_a_model_of_another_library_trains_and_resumes(model, tmp_path):
    """Eight pixels cost 8 log 2 = 5.5 nats; stripes of one bit cost 0.7."""
    objective = Objective(cal_jax.vae_elbo, of_sets=False)
    config = dataclasses.replace(CONFIG, batch_size=16, chunk_steps=50, learning_rate=0.05, alpha=0)
    whole = fit(model(), STRIPES, objective=objective, steps=200, config=config)
    assert whole.metrics[0]["elbo"] < -3.5
    assert whole.metrics[-1]["elbo"] > -2
    fit(model(), STRIPES, objective=objective, steps=200, config=config, run_dir=tmp_path)
    again = fit(model(), STRIPES, objective=objective, steps=200, config=config, run_dir=tmp_path)
    assert_bit_equal(jax.tree.leaves(again.variables), jax.tree.leaves(whole.variables))


def test_without_a_folder_nothing_is_written(statistician, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = fit(statistician, points(), config=CONFIG)
    assert [record["step"] for record in trained.metrics] == [2, 4, 6]
    assert trained.step == 6
    assert not list(tmp_path.iterdir())
    assert "training: 100 %" in capsys.readouterr().err


def test_a_folder_has_what_memory_has_and_is_not_trained_again(statistician, tmp_path):
    in_memory = fit(statistician, points(), config=CONFIG, seed=3)
    in_folder = fit(statistician, points(), config=CONFIG, seed=3, run_dir=tmp_path / "run")
    assert_bit_equal(in_folder.variables, in_memory.variables)
    folder = RunFolder(tmp_path / "run")
    for got, want in zip(folder.read_metrics(), in_memory.metrics, strict=True):
        assert got["elbo"] == pytest.approx(float(want["elbo"]))
    again = fit(statistician, points(), config=CONFIG, seed=3, run_dir=tmp_path / "run")
    assert_bit_equal(again.variables, in_memory.variables)
    assert folder.read_json(CONFIG_FILE)["model.latent_dim"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, "seed was 3, is 4"),
        ({"data": points() + 1}, "data was"),
        ({"steps": 7}, r"training\.steps was 6, is 7"),
    ],
)
def test_a_folder_of_another_run_is_refused(statistician, tmp_path, changes, message):
    options = {"data": points(), "config": CONFIG, "seed": 3, "run_dir": tmp_path}
    fit(statistician, **options)
    with pytest.raises(InputError, match=message):
        fit(statistician, **options | changes)
    fit(statistician, **options | changes, from_scratch=True)


def test_a_signal_saves_and_the_same_call_goes_on(statistician, tmp_path):
    """The signal comes when the first chunk is recorded."""

    class Interrupted(RunFolder):
        def append_metrics(self, record):
            if record["step"] == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            super().append_metrics(record)

    with Interrupted.create_or_open(tmp_path) as folder, pytest.raises(SystemExit) as stopped:
        fit(statistician, points(), config=CONFIG, run_dir=folder)
    assert stopped.value.code == 143
    resumed = fit(statistician, points(), config=CONFIG, run_dir=tmp_path)
    assert_bit_equal(resumed.variables, fit(statistician, points(), config=CONFIG).variables)


def test_seeds_train_together_each_in_its_folder(statistician, tmp_path):
    """In double precision: Adam divides by gradients, whose rounding differs by machine."""
    with jax.enable_x64(True):
        both = fit(
            statistician, lambda seed: points() + seed, config=CONFIG, seed=(3, 4), run_dir=tmp_path
        )
        alone = fit(statistician, points() + 4, config=CONFIG, seed=4)
    assert [(tmp_path / f"seed{seed}" / CONFIG_FILE).exists() for seed in (3, 4)] == [True, True]
    leaves = [jax.tree.leaves(one.variables) for one in (both[1], alone)]
    for got, want in zip(*leaves, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


def test_padded_sets_and_sources_that_draw_train(statistician):
    """The drawn ones are the stored ones: the same steps."""
    ragged = validate_sets([points()[0][: 1 + row % 3] for row in range(12)], "sets")
    stored = fit(statistician, ragged, config=CONFIG)
    source = SetSampler(
        (ragged.x, ragged.mask), lambda _, data, row: DataSet((data[0][row],), data[1][row]), 12
    )
    drawn = fit(statistician, source, config=CONFIG)
    assert_bit_equal(drawn.variables, stored.variables)
    whole = fit(statistician, ragged.x, config=CONFIG)
    assert float(whole.metrics[-1]["elbo"]) != float(stored.metrics[-1]["elbo"])


def test_a_context_aware_learner_trains_on_arrays_with_its_recipe():
    model, _ = small_model()
    x, labels = binary_sets(16, 3)
    trained = fit(model, (x, labels), config=dataclasses.replace(CONFIG, steps=4))
    last = trained.training.metrics[-1]
    assert last["kl_constant"].shape == last["contrast"].shape == (2,)
    with_mask = DataSet((x, labels), np.tile([1.0, 1.0, 0.0], (16, 1)))
    masked = fit(model, with_mask, config=dataclasses.replace(CONFIG, steps=4))
    assert float(masked.training.metrics[-1]["elbo"]) != float(last["elbo"])


def test_batches_of_the_defaults_are_no_larger_than_the_data(statistician):
    assert fit(statistician, points(), steps=2).step == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (points()[0], r"x: shape \(3, 2\); accepted: \[M, N, 2\]"),
        (points()[..., :1], r"x: shape \(12, 3, 1\); accepted: \[M, N, 2\]"),
        (points()[:, :, None], r"x: shape .*; accepted: \[M, N, 2\]"),
        (np.full((12, 3, 2), np.nan), "x: NaN or infinity; accepted: finite numbers"),
        ([points()], "data: list; accepted: x "),
        (np.ma.masked_less(points(), 0), r"x: a masked array; accepted: .* mask \[M, N\]"),
        (np.array([["a"]]), "x: dtype <U1; accepted: real numbers"),
        (DataSet((points(),), np.ones((12, 2))), r"mask: shape \(12, 2\); accepted: \(12, 3\)"),
        (DataSet((points(),), np.zeros((12, 3))), "mask: accepted: 0 and 1, an item"),
        ((points(), np.ones((11, 2))), r"constant_mask: shape \(11, 2\)"),
        ((points(), 0.5 * np.ones((12, 2))), "constant_mask: .* of 0 and 1"),
    ],
)
def test_data_that_does_not_fit_is_named(statistician, data, message):
    with pytest.raises(InputError, match=message):
        fit(statistician, data, config=CONFIG)


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: 255 * x, "from 0 to 255; accepted: 0 and 1, for a Bernoulli"),
        (lambda x: 2 * x - 1, "from -1 to 1; accepted: 0 and 1"),
        (lambda x: np.where(x > 0, np.nan, x), "NaN or infinity"),
    ],
)
def test_pixels_outside_a_bernoulli_s_support_are_refused(change, message, drawn):
    images = (np.random.default_rng(0).random((8, 4, 4)) < 0.5).astype(np.float32)
    model = VAE(VAEConfig(encoder=MLPEncoder((4,)), decoder=MLPDecoder((4,))), (4, 4))
    data = change(images)
    if drawn:
        data = SetSampler(data, lambda _, stored, row: DataSet((stored[row],)), 8)
    with pytest.raises(InputError, match=f"x: .*{message}"):
        fit(model, data, config=CONFIG)


def test_padding_may_hold_anything(statistician):
    x = points()
    x[:, 2] = np.nan
    trained = fit(statistician, DataSet((x,), np.tile([1, 1, 0], (12, 1))), config=CONFIG)
    assert np.isfinite(trained.metrics[-1]["elbo"])


class Foreign(nn.Module):
    """Of nobody's library."""


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (None, "objective: none for a Foreign; accepted: a pure objective, or a model of"),
        (lambda *_: jnp.zeros(()), "objective: returned .*; accepted: a NamedTuple of terms"),
        (lambda *_: cal_jax.ImportanceTerms(jnp.zeros(())), r"with elbo, reconstruction; .*unwei"),
    ],
)
def test_objectives_that_cannot_be_maximised_are_named(statistician, objective, message):
    model = Foreign() if objective is None else statistician
    with pytest.raises(InputError, match=message):
        fit(model, points(), objective=objective, config=CONFIG)


def test_two_folders_for_three_seeds_are_refused(statistician, tmp_path):
    with pytest.raises(InputError, match="run_dir: 2 folders; accepted: 3, one a seed"):
        fit(statistician, points(), seed=(0, 1, 2), run_dir=[tmp_path / "a", tmp_path / "b"])
