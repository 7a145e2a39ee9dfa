"""The typeface study as its users run it, and what each fit of it may see."""

import json
import math
from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.splits import split_families
from cal_jax.inference import weights
from cal_jax.inference.mapping import init_variables
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.fit import fit
from experiments.results.record import read_run
from experiments.typefaces import PRESETS, main, pipeline, refined
from experiments.typefaces.completion import completion_of
from experiments.typefaces.config import GIVEN
from experiments.typefaces.faces import levels
from experiments.typefaces.group_vae import group_completion, letter_latents
from experiments.typefaces.learner import learned, letter_contexts
from experiments.typefaces.training import group_vae_fit, learner_sets
from tests.experiments.marked_faces import marked, parts_of
from tests.stderr import said

OF_IMAGES, JUDGED = ("ssim", "rmse", "l1"), ("letter", "retrieval")
METHODS = ("completion", "encoder", "gvae", "ml_vae", "statistician", "ridge", "copy", "mean")


WATCHED = {
    "learner_sets": 1,
    "group_vae_fit": 2,
    "with_restyled": 0,
    "learned": 1,
    "group_completion": 2,
    "bilinear": 0,
    "nearest_face": 0,
    "mean_glyph": 0,
    "chosen": 2,
    "judges_of": slice(0, 2),
    "completion_scores": 1,
    "bound_per_item": 4,
}
"""What each fit and each score of a run may see, by its place among the arguments."""


def run_watched(folder, scored):
    """A finished run of marked faces, and what its fits and scores were given, by their names."""
    seen = {name: [] for name in WATCHED}

    def spy(patch, name, place):
        real = getattr(pipeline, name)

        def watched(*args, **options):
            seen[name].append(args[place])
            return real(*args, **options)

        patch.setattr(pipeline, name, watched)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "split_families", lambda glyphs: marked(split_families(glyphs)))
        for name, place in WATCHED.items():
            spy(patch, name, place)
        flags = ["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]
        assert main(flags if scored == "test" else [*flags, "--scored", scored]) == 0
    return seen


@pytest.fixture(name="watched", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of a finished run, and what was seen in it."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    return folder, run_watched(folder, "test")


@pytest.fixture(name="smoke")
def smoke_folder(watched):
    """The folder of a finished run."""
    return watched[0]


def test_a_run_leaves_scores_figures_weights_and_one_page(smoke):
    run = read_run(smoke)
    assert set(run["scores"]) == {
        "elbo_per_item",
        *(f"{name}_{of}_{n}" for name in METHODS for of in OF_IMAGES + JUDGED for n in GIVEN),
        *(f"real_{of}_{n}" for of in JUDGED for n in GIVEN),
    }
    assert run["oracle"]["accuracy"].keys() == {"letter"}
    scores = {name: score["value"] for name, score in run["scores"].items()}
    assert scores["copy_rmse_8"] < scores["mean_rmse_8"]
    assert scores["ridge_rmse_8"] < scores["ridge_rmse_1"]
    assert run["data"]["name"] == "embedded" and run["data"]["evaluated_on"] == "test faces"
    assert run["command"] == "python -m experiments.typefaces --preset smoke --seed 0"
    assert (smoke / "report.html").read_text().count("data:image/png;base64,") == 3
    trained = weights.load(smoke / weights.FILE)
    assert trained.names == ("letter", "typeface") and trained.model.event_shape == (32, 32)


def test_no_fit_sees_a_test_face_and_no_choice_does(watched):
    assert_parts(watched[1], "test")


def test_no_fit_sees_a_validation_face_that_is_scored(tmp_path):
    assert_parts(run_watched(tmp_path / "run", "validation"), "validation")


def assert_parts(seen, scored):
    """Training's faces alone are fitted, validation's choose, and the scored ones are scored."""
    for name in ("learned", "group_completion", "mean_glyph"):
        assert seen[name] and all(parts_of(glyphs) == {"train"} for glyphs in seen[name])
    assert len(seen["group_completion"]) == 3  # of GVAE, ML-VAE and the neural statistician
    assert [parts_of(glyphs) for glyphs in seen["with_restyled"]] == [{"train"}]
    for name in ("bilinear", "nearest_face"):  # of faces and changed ones
        basis = seen[name][0]
        assert parts_of(basis[: len(basis) // 2]) == {"train"}
    for name in ("learner_sets", "group_vae_fit"):
        assert seen[name] and all(parts_of(items.items) == {"train"} for items in seen[name])
    assert seen["chosen"] and seen["completion_scores"]
    for validation in seen["chosen"]:
        assert parts_of(validation.faces) == {"validation"}
    assert [parts_of(faces) for faces in seen["judges_of"][0]] == [{"train"}, {scored}]
    for task in seen["completion_scores"]:
        assert parts_of(task.faces) == {scored}
    assert parts_of(seen["bound_per_item"][0]) == {scored}


def test_the_learner_draws_with_the_style_given_and_the_letters_of_training(monkeypatch):
    """A learner of glyphs that are letter + style, exactly: it draws the sum."""
    glyphs = embedded().only("ABCDEFGHIJ")
    config = PRESETS["smoke"]
    items = pipeline.training_items(glyphs.take(np.arange(12)))
    model = pipeline.ContextAwareLearner(config.model, items.event_shape)
    trained = fit(
        model,
        FactorSets(items, set_size=4),
        config=replace(config.training, steps=2, chunk_steps=2),
    )
    train = levels(glyphs.take(np.arange(12)))
    task = completion_of(levels(glyphs.take(np.arange(12, 15))), 2, 0)
    drawn = learned(trained, train)(math.inf)(task.glyphs, task.given)
    assert drawn.shape == task.faces.shape
    styles = trained.contexts(task.glyphs, constant=("typeface",))["typeface"]
    letters = letter_contexts(trained, train, 0)
    one = trained.decode({"letter": letters[3], "typeface": styles[1]})
    np.testing.assert_allclose(drawn[1, 3], one[0], atol=1e-5)
    other = completion_of(task.faces[::-1], 2, 0)
    again = learned(trained, train)(math.inf)(other.glyphs, other.given)
    assert np.abs(again[0] - drawn[0]).max() > 1e-4
    fitted = learned(trained, train)(0.0)
    assert _error_of_given(task, fitted) < _error_of_given(task, learned(trained, train)(math.inf))
    together = fitted(task.glyphs, task.given)
    monkeypatch.setattr(refined, "GLYPHS", 2)  # one face at once
    alone = learned(trained, train)(0.0)(task.glyphs, task.given)
    np.testing.assert_allclose(alone, together, atol=1e-3)


def _error_of_given(task, draw):
    """Of the letters that the style is fitted to."""
    drawn = draw(task.glyphs, task.given)
    return np.square(drawn - task.faces)[~task.asked].mean()


def test_faces_are_read_from_an_archive_or_refused(tmp_path, capsys):
    from cal_jax.data.glyphs.archive import save_glyphs
    from experiments.typefaces.faces import ARCHIVE, faces_of

    few = embedded().take(np.arange(5))
    save_glyphs(tmp_path / ARCHIVE, few)
    found, name = faces_of(tmp_path)
    assert isinstance(found, Glyphs) and name == "fonts"
    np.testing.assert_array_equal(found.items, few.items)
    (tmp_path / ARCHIVE).write_bytes(b"no archive")
    assert main(["--data-dir", str(tmp_path)]) == 2
    assert ARCHIVE in said(capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--letters ABC", "letters 'ABC'; accepted: 10 or more"),
        ("--letters ABCDEFGHIJ1", "letters 'ABCDEFGHIJ1'; accepted: some of ABC"),
        ("--table 0 5", "table (0, 5); accepted: letters and typefaces"),
        ("--table 27 5", "sizes: 27 of letter; accepted: 1 to 26"),
        ("--group-vaes vae", "group_vaes vae; accepted: gvae, ml_vae"),
        ("--set-size 5 2", "set_size (5, 2); accepted: (fewest, most)"),
        ("--most-faces 0", "most_faces must be at least 1"),
        ("--scored train", "train"),
        ("--data-dir nowhere", "nowhere"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_neither_a_statistician_nor_the_judges_change_a_run_of_the_others(smoke):
    """So that a finished run is trained no further when they are added."""
    for name in ("", "gvae", "ml_vae", "statistician"):
        identity = json.loads((smoke / name / "config.json").read_text())
        assert not {"statistician", "judge_steps"} & set(identity)


@pytest.mark.parametrize("name", ["ml_vae", "statistician"])
def test_the_letters_of_a_group_vae_are_those_of_training_and_the_style_is_the_given_one(name):
    """Style from the given glyphs, each letter's z from all training faces, decoded together."""
    glyphs = levels(embedded().only("ABCDEFGHIJ").take(np.arange(9)))
    config = replace(PRESETS["smoke"], letters="ABCDEFGHIJ", set_size=(2, 5))
    items = pipeline.training_items(embedded().only("ABCDEFGHIJ").take(np.arange(6)))
    model, what = group_vae_fit(config, name, items)
    assert model.config.latent_sees_context == (name == "statistician")
    x = what.sets(0).one(jax.random.key(0)).data[0]
    assert x.shape == (5, 32, 32)
    variables = init_variables(what.objective.bound, model, jax.random.key(1), x)
    train, asked = glyphs[:6], completion_of(glyphs[6:], 2, 0)
    latents = letter_latents(model, variables, train)
    method = group_completion(model, variables, train)
    drawn = method(math.inf)(asked.glyphs, asked.given)
    assert drawn.shape == asked.faces.shape

    def one(module):
        ctx = module.inference()
        of_faces = [ctx.context(ctx.encode(face), None).mean() for face in train]
        z = np.mean(
            [
                ctx.latent(0, ctx.encode(face[3:4]), None, c).mean()[0]
                for face, c in zip(train, of_faces, strict=True)
            ],
            axis=0,
        )
        c = ctx.context(ctx.encode(asked.glyphs[1]), None).mean()
        return z, module.generative().likelihood((z[None],), c).mean()[0]

    z, x = model.apply(variables, method=one)
    np.testing.assert_allclose(latents[3], z, atol=1e-5)
    np.testing.assert_allclose(drawn[1, 3], x, atol=1e-5)
    assert _error_of_given(asked, method(0.0)) < _error_of_given(asked, method(math.inf))


def test_sets_of_a_group_vae_share_a_typeface_and_a_step_has_the_learner_s_items():
    items = pipeline.training_items(embedded().only("ABCDEFGHIJ").take(np.arange(6)))
    _, what = group_vae_fit(replace(PRESETS["smoke"], restyle=False), "gvae", items)
    faces = items.items.reshape(6, 10, -1)
    for seed in range(5):
        x = what.sets(0).one(jax.random.key(seed)).data[0].reshape(5, -1)
        shared = [np.abs(face[:, None] - x[None]).max(axis=2).min(axis=0) == 0 for face in faces]
        assert any(of_face.all() for of_face in shared)
    for config in PRESETS.values():
        letters, faces = config.table if config.objective == "crossed" else (1, config.set_size[1])
        learner = config.training.batch_size * letters * faces
        assert config.group_batch * config.set_size[1] == learner


@pytest.mark.parametrize("objective", ["crossed", "shared"])
def test_the_glyphs_of_one_face_are_restyled_alike_and_others_not(objective):
    """Faces of one glyph each: what differs within a set is the change alone."""
    glyphs = embedded().only("ABCDEFGHIJ").take(np.arange(6))
    glyphs = replace(glyphs, items=np.broadcast_to(glyphs.items[:1, :1], glyphs.items.shape))
    config = replace(PRESETS["smoke"], objective=objective, set_size=(4, 4))
    sets = learner_sets(config, pipeline.training_items(glyphs))
    for seed in range(4):
        (x, *labels), _ = sets.one(jax.random.key(seed))
        faces = labels[0][:, 1] if objective == "crossed" else np.arange(4) * (labels[0][1] == 0)
        same = np.abs(x[:, None] - x[None]).max(axis=(2, 3)) == 0
        np.testing.assert_array_equal(same, faces[:, None] == faces[None])
