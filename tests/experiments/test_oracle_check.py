"""The program as its users run it, and an oracle that goes by how crisp an edge is."""

import numpy as np
import pytest

from experiments import oracle_check
from experiments.oracle_check import main, readings
from experiments.results.gather import gather
from experiments.results.record import read_run


def test_an_oracle_is_trained_checked_and_drawn(tmp_path):
    flags = ["--run-dir", str(tmp_path / "run"), "--devices", "1", "--seed", "3"]
    assert main([*flags, "--oracle.steps", "5", "--count", "7"]) == 0
    run = read_run(tmp_path / "run")
    whats = ("digit", "rotation_even", "rotation_odd", "even_taken_for_odd")
    assert set(run["scores"]) == {
        f"{what}_{name}" for what in whats for name in ("real", "interpolated")
    }
    assert (tmp_path / "run" / "renderings.png").stat().st_size > 1000
    assert gather([tmp_path / "run"])["seeds"] == [3]


def test_readings_tell_an_oracle_that_goes_by_crispness(monkeypatch):
    """It reads the top left pixel: 0 where an image is crisp, else a step too far."""
    digits = np.array([4, 7])
    real = np.zeros((8, 2, 8, 8), np.uint8)
    real[1::2, :, 0, 0] = 1
    fuzzy = np.ones_like(real)

    def read(_, images):
        turns = np.arange(8)[:, None] // 2 * 2 + images[..., 0, 0]
        return np.stack([np.broadcast_to(digits, turns.shape), turns], axis=-1)

    monkeypatch.setattr(oracle_check, "predict", read)
    scores = readings(None, {"real": real, "interpolated": fuzzy}, digits)
    assert {name: score.value for name, score in scores.items()} == {
        "digit_real": 1.0,
        "rotation_even_real": 1.0,
        "rotation_odd_real": 1.0,
        "even_taken_for_odd_real": 0.0,
        "digit_interpolated": 1.0,
        "rotation_even_interpolated": 0.0,
        "rotation_odd_interpolated": 1.0,
        "even_taken_for_odd_interpolated": 1.0,
    }
    assert scores["rotation_even_interpolated"].ceiling == 1.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("--count 0", "count must be at least 1: got 0"),
        ("--binarisation grey", "binarisation must be one of static, dynamic, threshold"),
        ("--image-size 4", "error: image_size must be at least 8 for the oracle: got 4"),
        ("--oracle.max-blur 3.0", "max_blur must be between 0 and 2 pixels: got 3.0"),
    ],
)
def test_bad_settings_are_named(tmp_path, capsys, setting, message):
    flags = ["--preset", "smoke", "--run-dir", str(tmp_path / "run"), *setting.split()]
    assert main(flags) == 2
    assert message in capsys.readouterr().err
