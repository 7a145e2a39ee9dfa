"""The experiment at its smoke preset, as its users run it; and what it says of bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.digits import load_digits
from cal_jax.data.mnist import FILES
from cal_jax.data.point_sets import log_density
from experiments.results.record import read_run
from experiments.spatial_mnist import PRESETS, main
from experiments.spatial_mnist.pipeline import training_sets
from tests.data.idx_files import idx_bytes, write_mnist
from tests.stderr import said


@pytest.fixture(name="smoke", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of a finished smoke run."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    return folder


def test_a_run_leaves_scores_figures_and_one_page(smoke):
    run = read_run(smoke)
    scores = run["scores"]
    assert list(scores) == [
        "conditional_digit",
        "knn_digit",
        "nested_log_likelihood_per_item",
        "elbo_per_item",
    ]
    for name in ("conditional_digit", "knn_digit"):
        assert 0 <= scores[name]["value"] <= 1 and scores[name]["unit"] == "fraction"
    assert [name for name, score in scores.items() if score["ceiling"] is not None] == [
        "conditional_digit"
    ]
    assert run["oracle"]["accuracy"] == {"digit": scores["conditional_digit"]["ceiling"]}
    assert len(run["oracle"]["digest"]) == 64
    details = run["details"]
    assert scores["elbo_per_item"]["value"] > details["untrained_elbo_per_item"]
    assert scores["nested_log_likelihood_per_item"]["value"] < details["image_log_density_per_item"]
    bound = details["bound_per_item"]
    assert len(bound["kl_latents"]) == 2
    kls = bound["kl_context"] + sum(bound["kl_latents"])
    assert bound["elbo"] == pytest.approx(bound["reconstruction"] - kls, rel=1e-4)
    assert run["data"]["name"] == "digits" and run["data"]["evaluated_on"] == "test images"
    assert run["command"] == "python -m experiments.spatial_mnist --preset smoke --seed 0"
    page = (smoke / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "the log density of the images themselves" in page


def test_every_visit_of_training_sees_fresh_points_of_its_own_image():
    config, images = PRESETS["smoke"], load_digits().train
    sets = training_sets(config, images)
    assert sets.num_sets == len(images.labels)
    rows = np.array([3, 3, 7], np.int32)
    draw = jax.jit(jax.vmap(sets.draw, in_axes=(0, None, 0)))
    (x,) = draw(jax.random.split(jax.random.key(0), 3), jnp.asarray(sets.data), rows).data
    assert x.shape == (3, config.set_size, 2)
    assert np.isfinite(log_density(np.asarray(x), images.images[rows])).all()
    assert not np.isfinite(log_density(np.asarray(x), images.images[rows[::-1]])).all()
    assert not np.allclose(x[0], x[1])


def mnist_with_a_blank_image(folder):
    """MNIST's four files, training image 2 all black."""
    images = np.ones((20, 4, 3), np.uint8)
    images[2] = 0
    write_mnist(folder, packed=False)
    (folder / FILES[0]).write_bytes(idx_bytes(images))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "huge"], "accepted are smoke, cpu, thesis"),
        (["--data-dir", "nowhere"], "nowhere: not a directory"),
        (["--data-dir", "{blank}"], "image 2 is blank"),
        (["--held-back", "5000"], "5000 images to hold back; accepted: 1 to 1396"),
        (["--set-size", "1"], "set_size must be at least 2: got 1"),
        (["--neighbour-sets", "9"], "neighbour_sets must be at least 10"),
        (["--likelihood-sets", "41"], "likelihood_sets must be at most test_sets, 40"),
        (["--model.layers", "0"], "layers must be at least 1: got 0"),
        (["--oracle.grid", "1"], "oracle.grid must be at least 2"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path, capsys):
    mnist_with_a_blank_image(tmp_path)
    arguments = [argument.format(blank=tmp_path) for argument in arguments]
    assert main([*arguments, "--run-dir", str(tmp_path / "run")]) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1
    assert words in error
    assert not (tmp_path / "run").exists()
