"""The study of untold masks as its users run it, what it may see, and its floor."""

from dataclasses import replace

import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.glyphs.embedded import embedded
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.labels import infer_labels
from cal_jax.models.context_aware.config import named
from experiments import typefaces_untold
from experiments.common import untold
from experiments.common.set_statistics import mixture_masks, statistics
from experiments.common.untold import sets_of
from experiments.results.record import read_run
from experiments.typefaces.config import CONTEXTS
from experiments.typefaces_untold import PRESETS, main
from tests.experiments.marked_faces import marked, parts_of
from tests.stderr import said

LETTERS = "ABCDEFGHIJ"


@pytest.mark.parametrize(
    ("preset", "scored"), [("smoke", "test"), ("smoke", "validation"), ("smoke-three", "test")]
)
def test_a_run_names_masks_of_faces_that_nothing_was_fitted_on(
    preset, scored, tmp_path, monkeypatch
):
    seen = {}

    def spy(name, *places):
        real = getattr(untold, name)

        def watched(*args, **options):
            seen.setdefault(name, []).append([args[place] for place in places])
            return real(*args, **options)

        monkeypatch.setattr(untold, name, watched)

    name = "styled_split" if preset == "smoke-three" else "split_families"
    split = marked(getattr(typefaces_untold, name)(embedded()))
    monkeypatch.setattr(typefaces_untold, name, lambda glyphs: split)
    for name, places in {
        "FactorSets": (0,),
        "infer_labels": (2,),
        "infer": (3,),
        "mixture_masks": (0, 1),
    }.items():
        spy(name, *places)
    flags = ["--preset", preset, "--letters", LETTERS, "--scored", scored, "--devices", "1"]
    assert main([*flags, "--run-dir", str(tmp_path / "run")]) == 0
    assert parts_of(seen["FactorSets"][0][0].items) == {"train"}
    assert parts_of(seen["infer_labels"][0][0]) == {scored}
    assert parts_of(seen["infer"][0][0]) == {scored}
    assert [parts_of(x) for x in seen["mixture_masks"][0]] == [{"train"}, {scored}]
    run = read_run(tmp_path / "run")
    assert {"accuracy", "accuracy_by_bound", "floor_accuracy", "elbo_per_item"} <= set(
        run["scores"]
    )
    assert run["data"]["evaluated_on"] == f"{scored} faces"
    assert 1 / len(PRESETS[preset].support) <= run["scores"]["floor_accuracy"]["value"] <= 1
    assert (tmp_path / "run" / "report.html").exists()
    learner = weights.load(tmp_path / "run" / weights.FILE)
    named = infer_labels(learner.model, learner.variables, seen["infer_labels"][0][0])
    np.testing.assert_allclose(named.sum(axis=1), 1.0, rtol=1e-5)


def test_uneven_masks_are_trained_on_in_their_shares_and_scored_evenly(monkeypatch, tmp_path):
    assert PRESETS["cpu"].mix is None and PRESETS["3to1-cpu"].mix == [((1, 0), 3), ((0, 1), 1)]
    shares, own = [], untold.sets_of

    def watched(*args, **options):
        found = own(*args, **options)
        shares.append(found.masks.mean(axis=0).tolist())
        return found

    monkeypatch.setattr(untold, "sets_of", watched)
    flags = ["--preset", "smoke", "--letters", LETTERS, "--devices", "1"]
    flags += ["--mask-weights", "3", "1", "--responsibilities", "contrast"]
    assert main([*flags, "--run-dir", str(tmp_path / "run")]) == 0
    scored, floor, mixed = shares
    assert scored == [0.5, 0.5] and floor == mixed == [0.75, 0.25]
    scores = read_run(tmp_path / "run")["scores"]
    assert {"share_error", "calibration_error", "accuracy_by_bound"} <= set(scores)


def test_masks_of_drawn_sets_are_right():
    rows = np.indices((6, 7)).reshape(2, -1).T
    letter, face = CONTEXTS
    items = FactorDataset(
        rows.astype(np.float32), {letter: rows[:, 0].astype(str), face: rows[:, 1].astype(str)}
    )
    drawn = sets_of(items, PRESETS["smoke"], 30, 0)
    same = (drawn.x == drawn.x[:, :1]).all(axis=1)
    np.testing.assert_array_equal(same[~drawn.ambiguous], drawn.masks[~drawn.ambiguous])
    np.testing.assert_array_equal((same > drawn.masks).any(axis=1), drawn.ambiguous)
    assert 0.3 < drawn.masks[:, 0].mean() < 0.7


def test_the_floor_tells_sets_whose_items_differ_more_and_not_what_it_cannot():
    rng = np.random.default_rng(0)
    wide = rng.random(200) < 0.5
    x = np.where(wide, 3.0, 1.0)[:, None, None] * rng.normal(size=(200, 6, 5))
    found = mixture_masks(x[:100], x[100:], 2, 0)
    assert max(np.mean(found == wide[100:]), np.mean(found != wide[100:])) > 0.95


def test_statistics_are_those_of_means_and_pair_distances():
    x = np.asarray([[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]])
    pairs = np.asarray([5.0, 0.0, 5.0])
    want = [np.std([0, 3.5, 0]), np.std([0, 0.5, 0]), pairs.mean(), pairs.std()]
    np.testing.assert_allclose(statistics(x)[0], want, atol=1e-6)


def test_other_contexts_are_refused():
    model = replace(PRESETS["smoke"].model, contexts=named("letter", "weight"))
    with pytest.raises(InputError, match="letter, weight; accepted: letter, typeface, or"):
        replace(PRESETS["smoke"], model=model)


def test_a_model_without_a_label_network_is_refused(capsys):
    with pytest.raises(ValueError, match=r"model\.labels: none; accepted: num_labels 2"):
        replace(PRESETS["smoke"], model=replace(PRESETS["smoke"].model, labels=None))
    for flags, words in (
        (["--set-size", "1"], "set_size"),
        (["--mask-weights", "3"], "mask_weights"),
        (["--responsibilities", "luck"], "responsibilities"),
    ):
        assert main(["--preset", "smoke", *flags]) == 2
        assert words in said(capsys)
