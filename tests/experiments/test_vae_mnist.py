"""The 2-D autoencoder's experiment as its users run it, at the smoke preset."""

import json

import numpy as np
import pytest

from cal_jax.models.components.decoders import MLPDecoder
from cal_jax.models.components.encoders import MLPEncoder
from cal_jax.models.components.likelihoods import Bernoulli
from experiments.results.record import read_run
from experiments.vae_mnist import PRESETS, main
from tests.stderr import said

NAMES = ("static", "dynamic", "threshold")


@pytest.fixture(name="smoke", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of a finished smoke run."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    return folder


def test_a_run_leaves_scores_of_every_binarisation_figures_and_one_page(smoke):
    run = read_run(smoke)
    kinds = ("elbo", "elbo_subset", "iwae_20", "knn_digit")
    assert set(run["scores"]) == {f"{kind}_{name}" for kind in kinds for name in NAMES}
    for name in NAMES:
        bound = run["details"]["bound_per_item"][name]
        assert bound["elbo"] == pytest.approx(
            bound["reconstruction"] - bound["kl_latent"], rel=1e-4
        )
        assert run["scores"][f"elbo_{name}"]["value"] == pytest.approx(bound["elbo"])
        assert -64 < bound["elbo"] < 0
        lines = (smoke / name / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [20, 40]
    assert run["thesis"]["knn_digit_static"] == "figure 4.3, no number"
    assert (smoke / "report.html").read_text().count("data:image/png;base64,") == 9
    assert json.loads((smoke / "config.json").read_text())["binarisations"] == list(NAMES)


def test_a_finished_run_is_evaluated_again_to_the_same_scores(smoke):
    before = read_run(smoke)["scores"]
    (smoke / "scores.json").unlink()
    assert main(["--preset", "smoke", "--run-dir", str(smoke), "--devices", "1"]) == 0
    assert read_run(smoke)["scores"] == before


def test_a_refused_run_leaves_the_finished_one_s_config(smoke, capsys):
    before = (smoke / "config.json").read_text()
    arguments = ["--preset", "smoke", "--run-dir", str(smoke), "--training.steps", "50"]
    assert main(arguments) == 2
    assert "training.steps was 40, is 50" in capsys.readouterr().err
    assert (smoke / "config.json").read_text() == before


def test_the_thesis_preset_is_section_4_4():
    config = PRESETS["thesis"]
    assert config.model.encoder == MLPEncoder((500, 200))
    assert config.model.decoder == MLPDecoder((200, 500))
    assert (config.model.latent_dim, config.model.hidden.norm) == (2, "batch")
    assert (config.model.likelihood, config.image_size) == (Bernoulli(), 28)
    training = config.training
    assert (training.steps, training.batch_size) == (50 * 60_000 // 32, 32)
    assert (training.learning_rate, training.schedule, training.alpha) == (1e-3, "constant", 0.0)
    assert (config.likelihood_samples, config.binarisations) == (5_000, NAMES)


def test_the_best_preset_trains_static_images_redrawn_in_the_same_two_dimensions():
    config = PRESETS["best"]
    assert config.model.latent_dim == 2
    assert config.trained_as("static") == "dynamic"
    assert config.trained_as("threshold") == "threshold"
    assert PRESETS["thesis"].trained_as("static") == "static"


def test_redrawn_images_are_refused_where_no_model_would_see_them(capsys):
    assert main(["--redrawn", "True", "--binarisations", "threshold"]) == 2
    assert "redrawn is for static binarisation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--binarisations grey", "binarisations must be some of static, dynamic, threshold"),
        ("--binarisations static static", "each once"),
        ("--model.latent-dim 3", "latent_dim must be 2"),
        ("--model.encoder.widths", "widths must be one or more sizes"),
        ("--likelihood-samples 0", "likelihood_samples must be at least 1"),
    ],
)
def test_bad_fields_end_in_one_line(flags, message, capsys):
    assert main(flags.split()) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_the_decoded_grid_ascends_in_both_directions():
    """A decoder that shows its own z: rows are z_2, columns z_1, from low to high."""
    from types import SimpleNamespace

    import jax.numpy as jnp
    from flax import linen as nn

    from experiments.vae_mnist.figures import POINTS, SPAN, _decoded_grid

    class ShowsLatents(nn.Module):
        def inference(self, run):
            return None

        def generative(self, run):
            def likelihood(z):
                return SimpleNamespace(mean=lambda: z.reshape(1, 2))

            return SimpleNamespace(likelihood=likelihood)

    grid = _decoded_grid(ShowsLatents(), {"params": {}})
    assert grid.shape == (POINTS, POINTS, 1, 2)
    axis = np.asarray(jnp.linspace(-SPAN, SPAN, POINTS))
    np.testing.assert_allclose(grid[3, :, 0, 0], axis, rtol=1e-5)
    np.testing.assert_allclose(grid[:, 3, 0, 1], axis, rtol=1e-5)
