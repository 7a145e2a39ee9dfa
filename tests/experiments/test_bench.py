"""The bench as its users run it, what it may see, and its methods' data."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.drawn_sprites import FACTORS, drawn_sprites
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError
from cal_jax.training.source import set_source
from cal_jax.training.task import task_of
from experiments.bench import main, pipeline
from experiments.bench.config import METHODS, PRESETS, BenchConfig
from experiments.bench.data import combinations_of, divided, in_unit_range
from experiments.bench.methods import encoder_of, method_of
from experiments.bench.scores import Coded, scores_of
from experiments.results.gather import gather, write
from experiments.results.record import read_run
from experiments.results.tables import by_method

SMOKE = PRESETS["smoke"]

SOME = ("ada_gvae", "context_aware")
"""Methods of a run: each compiles a program."""


@pytest.fixture(name="few", scope="module")
def few_combinations():
    sprites = drawn_sprites()
    return divided(sprites.take(np.random.default_rng(0).permutation(sprites.num_items)[:4000]))


def test_a_run_scores_every_method_on_combinations_that_nothing_was_fitted_on(
    few, tmp_path, monkeypatch
):
    seen = {}

    def spy(name, place):
        real = getattr(pipeline, name)

        def watched(*args):
            seen.setdefault(name, []).append(args[place])
            return real(*args)

        monkeypatch.setattr(pipeline, name, watched)

    spy("method_of", 2)
    spy("some_items", 0)
    monkeypatch.setattr(pipeline, "combinations_of", lambda name, directory: few)
    flags = ["--preset", "smoke", "--devices", "1", "--run-dir", str(tmp_path / "run")]
    assert main([*flags, "--methods", *SOME]) == 0
    assert len(seen["method_of"]) == len(SOME)
    assert all(items is few.train for items in seen["method_of"])
    assert seen["some_items"] == [few.test]
    record = read_run(tmp_path / "run")
    rows = (*SOME, "untrained", "random")
    measures = {name.removesuffix("_random") for name in record["scores"] if "_random" in name}
    assert {f"{m}_{r}" for m in measures for r in rows} == set(record["scores"])
    assert {"dci_d", "dci_c", "dci_i", "mig", "sap", "modularity", "infom", "mcc"} <= measures
    assert record["scores"]["dci_d_random"]["value"] < 0.5
    assert (tmp_path / "run" / "report.html").exists()
    path = write(gather([tmp_path / "run"]), tmp_path)
    assert path.name == "bench-smoke.json"
    table = by_method(gather([path]), ["dci_d", "mig"], list(rows))
    assert table.count("\n| ") == 2


def test_splits_share_no_combination(few):
    rows = [{tuple(row) for row in part.items.tolist()} for part in few]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 4000
    assert len(rows[2]) == 400 and len(rows[1]) == 360


@pytest.mark.parametrize("name", ["vae", "ml_vae", "ada_gvae", "context_aware"])
def test_sets_share_what_the_method_says(few, name):
    """Pairs share all factors but one; the learner's sets share one."""
    codes_only = replace(
        few.train, render=lambda items, values, key: items.astype(np.float32)[..., None]
    )
    method = method_of(replace(SMOKE, set_size=4), name, codes_only)
    of_learner = name.startswith("context_aware")
    source = method.sets._sampler(FACTORS) if of_learner else method.sets
    data = jax.tree.map(jnp.asarray, source.data)
    draw = jax.jit(lambda key: source.draw(key, data, 0).data)
    for seed in range(8):
        x, *a = draw(jax.random.key(seed))
        same = (np.asarray(x)[..., 0] == np.asarray(x)[:1, ..., 0]).all(axis=0)
        if of_learner:
            assert x.shape[0] == 4 and a[0].sum() == 1 and same[int(a[0].argmax())]
        else:
            assert x.shape[0] == 2 and same.sum() >= 4
            assert len(a) == int(name in ("gvae", "ml_vae"))
            if a:
                assert a[0].sum() == 4 and same[np.asarray(a[0]) == 1].all()


def test_the_weights_of_terms_are_the_configs(few):
    wanted = {"vae": ("kl_latent", 1.0), "beta_vae": ("kl_latent", 4.0)}
    wanted["slow_vae"] = ("kl_transition", 10.0)
    for name, (term, weight) in wanted.items():
        weights = method_of(SMOKE, name, few.train).objective.weights(0)
        assert weights.of(term) == weight and weights.reconstruction == 1.0


@pytest.mark.parametrize("name", ["gvae", "ada_ml_vae", "slow_vae"])
def test_a_method_starts_on_its_own_sets(few, name):
    """Its bound takes what its sets hold; the run above trains the learner and another."""
    method = method_of(SMOKE, name, few.train)
    source = set_source(method.sets, method.model)
    variables = task_of(method.model, source, method.objective, 0).init()
    x = np.zeros((3, 64, 64), np.float32)
    codes = encoder_of(method, 5)(variables, x)
    assert codes.shape == ((3, 5, 2) if name == "gvae" else (3, 10))


def test_every_method_sees_as_many_items_in_a_step(few):
    for name in METHODS:
        method = method_of(SMOKE, name, few.train)
        size = SMOKE.set_size if name.startswith("context_aware") else 2
        assert method.batch_size * size == SMOKE.training.batch_size * SMOKE.set_size


def test_codes_that_are_the_factors_are_disentangled_and_mixed_ones_are_not():
    rng = np.random.default_rng(0)
    sizes = [len(names) for names in drawn_sprites().value_names.values()]
    labels = rng.integers(0, sizes, (600, 5))
    clean = labels / np.asarray(sizes) + 0.01 * rng.normal(size=(600, 5))
    mixed = clean @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    config = replace(SMOKE, boosting_rounds=3)
    found = {}
    for name, codes in {"clean": clean, "mixed": mixed}.items():
        parts = (Coded(codes[half], labels[half]) for half in (slice(300), slice(300, None)))
        found[name] = scores_of(config, *parts, seed=0)
    for measure in ("dci_d", "mig", "sap", "modularity", "infom", "mcc", "factor_vae_score"):
        assert found["clean"].scores[measure].value > found["mixed"].scores[measure].value + 0.05
    assert found["clean"].scores["dci_d"].value > 0.8
    # A block of a factor's code and an idle one counts as one code.
    blocks = np.stack([clean, np.zeros_like(clean)], axis=-1)
    parts = (Coded(blocks[half], labels[half]) for half in (slice(300), slice(300, None)))
    of_blocks = scores_of(config, *parts, seed=0)
    assert of_blocks.importance.shape == (5, 5)
    np.testing.assert_allclose(
        of_blocks.scores["dci_d"].value, found["clean"].scores["dci_d"].value, atol=0.05
    )


def test_items_of_files_are_shown_in_the_unit_range():
    bytes_of = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    data = in_unit_range(FactorDataset(bytes_of, {"a": np.arange(4)}), 255.0)
    x = pipeline.shown(data)
    np.testing.assert_allclose(x, bytes_of / 255, rtol=1e-6)


def test_what_is_refused(tmp_path):
    with pytest.raises(InputError, match="data must be one of drawn_sprites, dsprites"):
        BenchConfig("", data="mnist")
    with pytest.raises(InputError, match="methods must be one or more of vae"):
        BenchConfig("", methods=("gan",))
    with pytest.raises(InputError, match="--data-dir: none; accepted: a directory"):
        combinations_of("shapes3d", None)
    with pytest.raises(InputError, match=r"3dshapes.h5: no such file; accepted: that of https:"):
        combinations_of("shapes3d", tmp_path)
