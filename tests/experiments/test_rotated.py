"""The experiment at its smoke preset, as its users run it."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.cli import main as console
from cal_jax.config import differences, flatten
from cal_jax.data.digits import load_digits
from cal_jax.data.rotation import rotated
from cal_jax.inference import weights
from experiments.common.image_sets import training_sets
from experiments.results.record import read_run
from experiments.rotated import PRESETS, main
from tests.stderr import said

SHARES = ("conditional", "unconditional", "all_constant")
SCORES = {
    f"{score}_{factor}"
    for score in (*SHARES, "diversity", "neither_diversity")
    for factor in ("digit", "rotation")
} | {"synthesis_joint", "neither_mutual_information"}
SCORES |= {f"{score}_{factor}_merged" for score in SHARES for factor in ("digit", "rotation")}
SCORES |= {"synthesis_joint_merged"}
SCORES |= {f"{name}_means" for name in SCORES}
OF_CONTEXTS = {f"{s}_{f}" for s in ("informativeness", "mismatch") for f in ("digit", "rotation")}
OF_CONTEXTS |= {"leakage_rotation_in_digit", "leakage_digit_in_rotation"}
NO_CEILING = OF_CONTEXTS | {"elbo_per_item", "log_evidence_per_item"}


def test_a_run_leaves_every_score_of_the_oracle_and_the_thesis_s_figures(tmp_path):
    folder = tmp_path / "run"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    run = read_run(folder)
    assert set(run["scores"]) == SCORES | NO_CEILING
    assert run["command"] == "python -m experiments.rotated --preset smoke --seed 0"
    assert set(run["oracle"]["accuracy"]) == {"digit", "rotation"}
    for name in SCORES:
        assert run["scores"][name]["ceiling"] is not None
        if name.endswith("_merged"):
            plain = run["scores"][name.removesuffix("_merged")]
            assert run["scores"][name]["value"] >= plain["value"]
    assert run["scores"]["elbo_per_item"]["value"] > run["details"]["untrained_elbo_per_item"]
    left = weights.load(folder / weights.FILE)
    assert left.names == ("digit", "rotation")
    arguments = ["export", str(folder), "--out"]
    assert console.main([*arguments, str(tmp_path / "w")]) == 0
    exported = weights.load(tmp_path / "w")
    assert exported._replace(variables=None) == left._replace(variables=None)
    jax.tree.map(np.testing.assert_array_equal, exported.variables, left.variables)
    pictures = {"data_sets", "unseen_labels", "synthesis", "training"}
    assert {path.stem for path in folder.glob("*.png")} == pictures
    assert (folder / "report.html").read_text().count("data:image/png;base64,") == 4


def test_labels_are_mixed_evenly_and_every_preset_says_so():
    for config in PRESETS.values():
        assert [weight for _, weight in config.mix] == [1, 1]
        assert [label for label, _ in config.mix] == [(1, 0), (0, 1)]


def test_the_faithful_preset_differs_from_cpu_in_what_it_claims_alone():
    changed = differences(flatten(PRESETS["faithful"]), flatten(PRESETS["cpu"]))
    weights = {"training.alpha", "latent_weight", "weight_half_life", "contrast", "dependence"}
    model = ("context_dim", "contexts.1", "encoder", "posterior", "constant_prior", "varying_prior")
    parts = tuple(f"model.{name}" for name in model)
    names = {line.split()[0] for line in changed}
    assert {name for name in names if not name.startswith(parts)} == {"summary"} | weights
    assert {part for part in parts if any(name.startswith(part) for name in names)} == set(parts)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--model.contexts.1.name", "colour"],
            "model.contexts must be digit, rotation: got digit, colour",
        ),
        (
            ["--preset", "cpu", "--model.posterior.kind", "Statistic"],
            "an action of rotation needs the posterior SharedExperts: got Statistic",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path, capsys):
    assert main([*arguments, "--run-dir", str(tmp_path / "run")]) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error


def test_training_images_are_turned_as_their_sets_say():
    """One set as training draws it, against the images turned one by one."""
    config = PRESETS["smoke"]
    images = load_digits().train
    config = replace(config, binarisation="threshold", image_size=8)
    sets = training_sets(config, images, 0)
    _, (items, factors, *_) = sets.data
    x, _ = sets.draw(jax.random.key(0), sets.data, 3).data
    turned = rotated(images.images)
    for n in range(10):
        want = turned[factors[3, n, 1], items[3, n]] > 127
        np.testing.assert_array_equal(np.asarray(x[n]), want)
        assert factors[3, n, 0] == images.labels[items[3, n]]
