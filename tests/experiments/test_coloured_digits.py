"""Coloured digits as their users run them, at the smoke preset on the embedded images."""

import json

import numpy as np
import pytest

from cal_jax.data.coloured_digits import INKS, coloured_digits
from cal_jax.data.digits import load_digits
from cal_jax.inference import weights
from cal_jax.metrics.bits import bits_per_dimension
from experiments.coloured_digits import PRESETS, main
from experiments.results.record import read_run
from tests.stderr import said

SYNTHESIS = {f"synthesis_{name}" for name in ("digit", "ink", "joint")}
SCORES = {
    *SYNTHESIS,
    *(f"{name}_means" for name in SYNTHESIS),
    *(f"floor_{name}" for name in ("digit", "ink", "joint")),
    *(f"{of}_{name}" for of in ("informativeness", "neighbours") for name in ("digit", "ink")),
    "elbo_per_item",
    "bits_per_dimension",
}


@pytest.fixture(name="smoke", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    return folder


def test_a_run_leaves_scores_figures_weights_and_one_page(smoke):
    run = read_run(smoke)
    assert set(run["scores"]) == SCORES
    assert {name for name, score in run["scores"].items() if score["ceiling"] is not None} == {
        name for name in SCORES if name.startswith("synthesis")
    }
    assert run["scores"]["synthesis_ink"]["ceiling"] > 0.95
    assert run["scores"]["synthesis_digit"]["ceiling"] > 0.8
    elbo = run["scores"]["elbo_per_item"]["value"]
    assert run["scores"]["bits_per_dimension"] == {
        "value": pytest.approx(float(bits_per_dimension(elbo, (8, 8, 3)))),
        "ceiling": None,
        "unit": "bits per dimension",
    }
    assert elbo > run["details"]["untrained_elbo_per_item"]
    assert run["data"]["name"] == "digits" and run["data"]["evaluated_on"] == "test images"
    assert run["command"] == "python -m experiments.coloured_digits --preset smoke --seed 0"
    assert (smoke / "report.html").read_text().count("data:image/png;base64,") == 4
    trained = weights.load(smoke / weights.FILE)
    assert trained.names == ("digit", "ink") and trained.model.event_shape == (8, 8, 3)
    assert json.loads((smoke / "config.json").read_text())["image_size"] == 8


def test_inks_are_drawn_by_seed_alone_and_say_nothing_of_the_digit():
    images = load_digits().train
    data = coloured_digits(images, 0)
    assert data.items.dtype == np.uint8 and data.event_shape == (8, 8, 3)
    np.testing.assert_array_equal(data.table, coloured_digits(images, 0).table)
    assert (data.table != coloured_digits(images, 1).table).any()
    again = coloured_digits(images._replace(labels=images.labels[::-1]), 0)
    np.testing.assert_array_equal(again.columns(["ink"]), data.columns(["ink"]))
    counts = np.zeros((10, len(INKS)))
    np.add.at(counts, tuple(data.table.T), 1)
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 63 + 3 * np.sqrt(2 * 63)


def test_a_pixel_is_its_grey_level_s_share_of_the_ink():
    images = load_digits().test
    data = coloured_digits(images, 0)
    for row, (_, ink) in enumerate(data.table[:20]):
        levels = np.asarray(list(INKS.values())[ink])
        exact = images.images[row][..., None] * levels[None, None] / 255.0
        assert np.abs(data.items[row] - exact).max() <= 0.5001
    assert data.value_names["ink"] == tuple(INKS)


def test_the_cpu_preset_takes_colour_as_it_is():
    config = PRESETS["cpu"]
    config.model.sizes((config.image_size, config.image_size, 3))
    assert config.model.names == ("digit", "ink") and config.model.num_contexts == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--set-size 0", "set_size must be at least 1"),
        ("--image-size 0", "image_size must be at least 1"),
        ("--oracle-dir d", "Unrecognized options: --oracle-dir"),
        ("--model.context-dim 0", "context_dim must be at least 1"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(flags.split()) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1
